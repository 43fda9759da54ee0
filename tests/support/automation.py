"""A small interpreter of automation documents (schemaVersion 0.3) with the actions that gatewatch's documents use."""

import json
import re

_REFERENCE = re.compile(r"^\{\{ ?([\w.]+) ?\}\}$")
_SELECTOR = re.compile(r"\.(\w+)|\[(\d+)\]")


class StepFailedError(Exception):
    """A step that ended the execution."""


def execute(document, parameters, clients):
    """Run a document and return its outputs and the executed steps; `clients` maps a service to a boto3 client."""
    known = {name: each["default"] for name, each in document["parameters"].items() if "default" in each} | parameters
    missing = set(document["parameters"]) - set(known)
    assert not missing, missing
    for name, value in known.items():
        pattern = document["parameters"][name].get("allowedPattern")
        assert pattern is None or re.fullmatch(pattern, value), (name, value)
    steps = {step["name"]: step for step in document["mainSteps"]}
    order, ran, name = list(steps), [], next(iter(steps))
    while name:
        step = steps[name]
        ran.append(name)
        _ACTIONS[step["action"]](step, _resolve(step["inputs"], known), known, clients)
        after = order[order.index(name) + 1 :]
        name = None if step.get("isEnd") or not after else after[0]
    return {output: known[output] for output in document["outputs"] if output in known}, ran


def _resolve(value, known):
    if isinstance(value, dict):
        return {key: each if key == "Script" else _resolve(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, known) for each in value]
    match = _REFERENCE.match(value) if isinstance(value, str) else None
    return known[match[1]] if match else value


def _store_outputs(step, answer, known):
    for output in step.get("outputs", []):
        known[f"{step['name']}.{output['Name']}"] = _selected(answer, output["Selector"])


def _selected(answer, selector):
    for key, index in _SELECTOR.findall(selector.removeprefix("$")):
        answer = answer[key] if key else answer[int(index)]
    return answer


def _script(step, inputs, known, _clients):
    scope = {}
    exec(compile(inputs["Script"], step["name"], "exec"), scope)  # noqa: S102  our own script
    payload = scope[inputs["Handler"]](inputs["InputPayload"], {})
    assert len(json.dumps(payload)) <= 100_000
    assert all(len(each) <= 100 for each in payload.values() if isinstance(each, list))
    _store_outputs(step, {"Payload": payload}, known)


def _call(inputs, clients):
    operation = re.sub(r"(?<!^)(?=[A-Z])", "_", inputs["Api"]).lower()
    step_keys = {"Service", "Api", "PropertySelector", "DesiredValues"}
    return getattr(clients[inputs["Service"]], operation)(**{k: v for k, v in inputs.items() if k not in step_keys})


def _api(step, inputs, known, clients):
    _store_outputs(step, _call(inputs, clients), known)


def _assert_property(step, inputs, _known, clients):
    found = _selected(_call(inputs, clients), inputs["PropertySelector"])
    if found not in inputs["DesiredValues"]:
        raise StepFailedError(f"{step['name']}: {found} is none of {inputs['DesiredValues']}")


_ACTIONS = {
    "aws:executeScript": _script,
    "aws:executeAwsApi": _api,
    "aws:assertAwsResourceProperty": _assert_property,
}
