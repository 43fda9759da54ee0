"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const feed = by("feed");
  const chips = [...document.querySelectorAll(".chip")];
  const wanted = { channel: "", account: "", text: "", severities: new Set() };
  const all = () => [...feed.querySelectorAll(".message")];
  const shown = () => all().filter((message) => !message.hidden);

  const fits = (message) =>
    (!wanted.channel || message.dataset.channel === wanted.channel) &&
    (!wanted.account || message.dataset.account === wanted.account) &&
    (!wanted.severities.size || wanted.severities.has(message.dataset.severity)) &&
    (!wanted.text || message.querySelector(".body").textContent.toLowerCase().includes(wanted.text));

  const tally = (messages, key) =>
    messages.reduce((counts, { dataset }) => counts.set(dataset[key], (counts.get(dataset[key]) ?? 0) + 1), new Map());

  const element = (name, className, text) => Object.assign(document.createElement(name), { className, textContent: text });

  function channelButton(name, count) {
    const button = element("button", "", "");
    button.type = "button";
    button.dataset.channel = name;
    button.setAttribute("aria-pressed", String(wanted.channel === name));
    button.append(element("span", "name", name ? `# ${name}` : "All channels"), element("span", "number", count));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function showChannels(messages) {
    const focused = document.activeElement?.dataset.channel;
    const held = by("channels").contains(document.activeElement);
    const counts = [...tally(messages, "channel")].sort(([one], [other]) => one.localeCompare(other));
    by("channels").replaceChildren(...[["", messages.length], ...counts].map(([name, count]) => channelButton(name, count)));
    if (held) [...by("channels").querySelectorAll("button")].find(({ dataset }) => dataset.channel === focused)?.focus();
  }

  function showAccounts(messages) {
    const names = ["", ...[...tally(messages, "account").keys()].filter(Boolean).sort((one, other) => one.localeCompare(other))];
    const select = by("account");
    select.closest("label").hidden = names.length < 2;
    if (names.join("\n") !== [...select.options].map(({ value }) => value).join("\n"))
      select.replaceChildren(...names.map((name) => new Option(name || "All accounts", name)));
    select.value = wanted.account;
  }

  function showSeverities(messages) {
    const counts = tally(messages.filter(({ dataset }) => !wanted.channel || dataset.channel === wanted.channel), "severity");
    for (const chip of chips) {
      const count = counts.get(chip.dataset.severity) ?? 0;
      chip.querySelector(".number").textContent = count || "";
      chip.setAttribute("aria-pressed", String(wanted.severities.has(chip.dataset.severity)));
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
    for (const message of messages) message.hidden = !fits(message);
    const left = shown();
    showChannels(messages);
    showAccounts(messages);
    showSeverities(messages);
    showDays(left);
    by("room").textContent = wanted.channel ? `# ${wanted.channel}` : "All channels";
    feed.toggleAttribute("data-room", Boolean(wanted.channel));
    const total = messages.length === 1 ? "1 message" : `${messages.length} messages`;
    by("count").textContent = left.length === messages.length ? total : `${left.length} of ${total}`;
    by("empty").hidden = left.length > 0;
    if (messages.length && !left.length) by("empty").textContent = "No message fits the filter.";
  }

  function step(by) {
    const messages = shown();
    const at = messages.indexOf(document.activeElement?.closest(".message"));
    const next = at < 0 ? (by > 0 ? 0 : messages.length - 1) : Math.min(Math.max(at + by, 0), messages.length - 1);
    messages[next]?.focus();
  }

  function showAll() {
    Object.assign(wanted, { channel: "", account: "", text: "", severities: new Set() });
    by("text").value = "";
    by("text").blur();
    refresh();
  }

  const keys = { j: () => step(1), k: () => step(-1), "/": () => by("text").focus() };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return showAll();
    const typing = event.target.matches("input, textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  by("filter").addEventListener("submit", (event) => event.preventDefault());
  by("text").addEventListener("input", (event) => {
    wanted.text = event.target.value.trim().toLowerCase();
    refresh();
  });
  by("account").addEventListener("change", (event) => {
    wanted.account = event.target.value;
    refresh();
  });
  by("channels").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    wanted.channel = button.dataset.channel;
    refresh();
  });
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const { severity } = chip.dataset;
      if (!wanted.severities.delete(severity)) wanted.severities.add(severity);
      refresh();
    });
  }

  const isDark = () =>
    (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const showTheme = () => by("theme").setAttribute("aria-pressed", String(isDark()));
  const kept = (work) => {
    try {
      return work(localStorage);
    } catch {
      return null; // a browser may forbid storage to a file
    }
  };
  by("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    kept((storage) => storage.setItem("gatewatch-theme", document.documentElement.dataset.theme));
    showTheme();
  });
  const theme = kept((storage) => storage.getItem("gatewatch-theme"));
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();
  refresh();

  // The server has rendered and escaped each message. A parsed document runs no script, and the policy forbids any.
  // One that is there already was edited: it stays in its place, with the focus and as far open as it was.
  function show(html) {
    const message = document.adoptNode(new DOMParser().parseFromString(html, "text/html").querySelector(".message"));
    const before = by(message.id);
    message.classList.add("fresh");
    if (!before) return feed.append(message);
    const held = before.contains(document.activeElement);
    message.querySelector(".source").open = before.querySelector(".source").open;
    before.replaceWith(message);
    if (held) message.focus({ preventScroll: true });
  }

  let asking = Promise.resolve();
  async function catchUp(happened) {
    const last = all().reduce((most, { dataset }) => Math.max(most, Number(dataset.changed)), 0);
    if (happened <= last) return;
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
    const answer = await fetch(`/messages?after=${last}`);
    for (const { html } of await answer.json()) show(html);
    refresh();
    if (atEnd) scrollTo({ top: document.documentElement.scrollHeight });
  }

  function listen() {
    const state = by("state");
    const tell = (on) => {
      state.textContent = on ? "live" : "not connected";
      state.dataset.on = on ? "yes" : "no";
    };
    const events = new EventSource("/events");
    events.onopen = () => tell(true);
    events.onerror = () => tell(false);
    events.onmessage = ({ data }) => {
      asking = asking.then(() => catchUp(Number(data))).catch(() => tell(false));
    };
  }

  if (document.body.dataset.live === "yes" && location.protocol.startsWith("http")) listen();
  else if (by("state")) by("state").textContent = "saved page";
})();
