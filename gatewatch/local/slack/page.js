"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const feed = byId("feed");
  const chips = [...document.querySelectorAll(".chip")];
  const filter = { channel: "", account: "", text: "", severities: new Set() };
  const all = () => [...feed.querySelectorAll(".message")];
  const visible = () => all().filter((message) => !message.hidden);

  const matches = (message) =>
    (!filter.channel || message.dataset.channel === filter.channel) &&
    (!filter.account || message.dataset.account === filter.account) &&
    (!filter.severities.size || filter.severities.has(message.dataset.severity)) &&
    (!filter.text || message.querySelector(".body").textContent.toLowerCase().includes(filter.text));

  const countBy = (messages, key) =>
    messages.reduce((counts, { dataset }) => counts.set(dataset[key], (counts.get(dataset[key]) ?? 0) + 1), new Map());

  const element = (name, className, text) => Object.assign(document.createElement(name), { className, textContent: text });

  function channelButton(name, count) {
    const button = element("button", "", "");
    button.type = "button";
    button.dataset.channel = name;
    button.setAttribute("aria-pressed", String(filter.channel === name));
    button.append(element("span", "name", name ? `# ${name}` : "All channels"), element("span", "number", count));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function showChannels(messages) {
    const focused = document.activeElement?.dataset.channel;
    const hadFocus = byId("channels").contains(document.activeElement);
    const counts = [...countBy(messages, "channel")].sort(([one], [other]) => one.localeCompare(other));
    byId("channels").replaceChildren(...[["", messages.length], ...counts].map(([name, count]) => channelButton(name, count)));
    if (hadFocus) [...byId("channels").querySelectorAll("button")].find(({ dataset }) => dataset.channel === focused)?.focus();
  }

  function showAccounts(messages) {
    const names = ["", ...[...countBy(messages, "account").keys()].filter(Boolean).sort((one, other) => one.localeCompare(other))];
    const select = byId("account");
    select.closest("label").hidden = names.length < 2;
    if (names.join("\n") !== [...select.options].map(({ value }) => value).join("\n"))
      select.replaceChildren(...names.map((name) => new Option(name || "All accounts", name)));
    select.value = filter.account;
  }

  function showSeverities(messages) {
    const counts = countBy(messages.filter(({ dataset }) => !filter.channel || dataset.channel === filter.channel), "severity");
    for (const chip of chips) {
      const count = counts.get(chip.dataset.severity) ?? 0;
      chip.querySelector(".number").textContent = count || "";
      chip.setAttribute("aria-pressed", String(filter.severities.has(chip.dataset.severity)));
      chip.hidden = chip.dataset.severity === "other" && !count;
    }
  }

  function showDays(messages) {
    let day = "";
    for (const message of messages) {
      message.querySelector(".day").hidden = message.dataset.day === day;
      day = message.dataset.day;
    }
  }

  function refresh() {
    const messages = all();
    for (const message of messages) message.hidden = !matches(message);
    const left = visible();
    showChannels(messages);
    showAccounts(messages);
    showSeverities(messages);
    showDays(left);
    byId("channel").textContent = filter.channel ? `# ${filter.channel}` : "All channels";
    feed.toggleAttribute("data-single-channel", Boolean(filter.channel));
    const total = messages.length === 1 ? "1 message" : `${messages.length} messages`;
    byId("count").textContent = left.length === messages.length ? total : `${left.length} of ${total}`;
    byId("empty").hidden = left.length > 0;
    if (messages.length && !left.length) byId("empty").textContent = "No messages match the filter.";
  }

  function moveFocus(step) {
    const messages = visible();
    const at = messages.indexOf(document.activeElement?.closest(".message"));
    const next = at < 0 ? (step > 0 ? 0 : messages.length - 1) : Math.min(Math.max(at + step, 0), messages.length - 1);
    messages[next]?.focus();
  }

  function showAll() {
    Object.assign(filter, { channel: "", account: "", text: "", severities: new Set() });
    byId("text").value = "";
    byId("text").blur();
    refresh();
  }

  const shortcuts = { j: () => moveFocus(1), k: () => moveFocus(-1), "/": () => byId("text").focus() };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return showAll();
    const typing = event.target.matches("input, textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in shortcuts)) return;
    event.preventDefault();
    shortcuts[event.key]();
  });

  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("text").addEventListener("input", (event) => {
    filter.text = event.target.value.trim().toLowerCase();
    refresh();
  });
  byId("account").addEventListener("change", (event) => {
    filter.account = event.target.value;
    refresh();
  });
  byId("channels").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    filter.channel = button.dataset.channel;
    refresh();
  });
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const { severity } = chip.dataset;
      if (!filter.severities.delete(severity)) filter.severities.add(severity);
      refresh();
    });
  }

  const isDark = () =>
    (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const showTheme = () => byId("theme").setAttribute("aria-pressed", String(isDark()));
  const withStorage = (action) => {
    try {
      return action(localStorage);
    } catch {
      return null; // a browser may forbid storage to a file
    }
  };
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    withStorage((storage) => storage.setItem("gatewatch-theme", document.documentElement.dataset.theme));
    showTheme();
  });
  const theme = withStorage((storage) => storage.getItem("gatewatch-theme"));
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();
  refresh();

  // The server escapes each message; a parsed document runs no scripts, and the Content-Security-Policy forbids them.
  // An edited message keeps its position, its focus and the state of its details.
  function insert(html) {
    const message = document.adoptNode(new DOMParser().parseFromString(html, "text/html").querySelector(".message"));
    const previous = byId(message.id);
    message.classList.add("new");
    if (!previous) return feed.append(message);
    const hadFocus = previous.contains(document.activeElement);
    message.querySelector(".source").open = previous.querySelector(".source").open;
    previous.replaceWith(message);
    if (hadFocus) message.focus({ preventScroll: true });
  }

  let pending = Promise.resolve();
  async function fetchNew(revision) {
    const last = all().reduce((most, { dataset }) => Math.max(most, Number(dataset.revision)), 0);
    if (revision <= last) return;
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
    const response = await fetch(`/messages?after=${last}`);
    for (const { html } of await response.json()) insert(html);
    refresh();
    if (atEnd) scrollTo({ top: document.documentElement.scrollHeight });
  }

  function listen() {
    const state = byId("state");
    const showState = (connected) => {
      state.textContent = connected ? "live" : "not connected";
      state.dataset.connected = connected ? "yes" : "no";
    };
    const events = new EventSource("/events");
    events.onopen = () => showState(true);
    events.onerror = () => showState(false);
    events.onmessage = ({ data }) => {
      pending = pending.then(() => fetchNew(Number(data))).catch(() => showState(false));
    };
  }

  // What a person clicks goes to the server, which signs it as Slack does. A dialog is built from text alone.
  const dialog = byId("dialog");

  function dialogField(block) {
    if (block.type !== "input") return element("p", "", block.text?.text ?? "");
    const label = element("label", "", block.label.text);
    const input = document.createElement("input");
    input.name = block.block_id;
    input.required = !block.optional;
    input.type = block.element.type === "datepicker" ? "date" : "text";
    if (block.element.max_length) input.maxLength = block.element.max_length;
    label.append(input);
    return label;
  }

  // Resolves to the values that were typed when `send` has accepted them, or to nothing.
  function ask({ title, blocks, submit, close }, send) {
    dialog.querySelector("h3").textContent = title.text;
    dialog.querySelector(".inputs").replaceChildren(...blocks.map(dialogField));
    dialog.querySelector(".problem").textContent = "";
    dialog.querySelector(".cancel").textContent = close.text;
    dialog.querySelector(".submit").textContent = submit?.text ?? "";
    dialog.querySelector(".submit").hidden = !submit;
    dialog.querySelector(".cancel").onclick = () => dialog.close();
    dialog.querySelector("form").onsubmit = async (event) => {
      event.preventDefault();
      const errors = await send(Object.fromEntries(new FormData(event.target)));
      dialog.querySelector(".problem").textContent = Object.values(errors).join(" ");
      if (!Object.keys(errors).length) dialog.close();
    };
    dialog.showModal();
  }

  async function interact(asked) {
    const body = JSON.stringify({ user: byId("user").value, ...asked });
    const answer = await (await fetch("/interactions", { method: "POST", body })).json();
    const failed = answer.status !== 200;
    byId("answer").hidden = !failed;
    byId("answer").textContent = failed ? `The app answered ${answer.status}.` : "";
    if (answer.view) ask(answer.view, async (values) => (await interact({ view: answer.view, values })).errors ?? {});
    return answer;
  }

  function clicked({ dataset }, value, number) {
    const asked = { message: Number(number), action: dataset.action, value };
    if (!dataset.confirm) return interact(asked);
    const { title, text, confirm, deny } = JSON.parse(dataset.confirm);
    ask({ title, blocks: [{ type: "section", text }], submit: confirm, close: deny }, async () => {
      await interact(asked);
      return {};
    });
  }

  if (byId("user")) {
    feed.addEventListener("click", ({ target }) => {
      const button = target.closest("button[data-action]");
      if (button) clicked(button, button.dataset.value, button.closest(".message").dataset.number);
    });
    feed.addEventListener("change", ({ target }) => {
      if (!target.matches("select.menu") || !target.value) return;
      clicked(target, target.value, target.closest(".message").dataset.number);
      target.value = "";
    });
  }

  if (document.body.dataset.live === "yes" && location.protocol.startsWith("http")) listen();
  else if (byId("state")) byId("state").textContent = "saved page";
})();
