"""`_tasks`: what goes on after its answer, and starting such work."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.elasticsearch.errors import missing_resource
from services.elasticsearch.handlers.call import NODE, NODE_ID, Answer, Call
from services.elasticsearch.state.durations import seconds
from services.elasticsearch.state.tasks import Task

Handler = Callable[[Call], Answer]


def in_background(action: str, handler: Handler) -> Handler:
    """Return `handler` so that `wait_for_completion=false` makes a task of it."""

    def answer(call: Call) -> Answer:
        if call.flag("wait_for_completion", default=True):
            return handler(call)

        def run(task: Task) -> dict[str, Any]:
            body = handler(replace(call, cancelled=task.cancelled)).body
            done: dict[str, Any] = (
                {**body, "canceled": "by user request"} if (task.cancelled.is_set()) else body
            )
            return done

        description = f"{action.rpartition('/')[2]} [{call.path.get('index', '')}]"
        return Answer({"task": call.store.tasks.start(action, description, run).id})

    return answer


def _grouped(tasks: list[Task]) -> dict[str, Any]:
    if not tasks:
        return {"nodes": {}}
    shown = {task.id: task.shown() for task in tasks}
    return {"nodes": {NODE_ID: {"name": NODE, "tasks": shown}}}


def list_tasks(call: Call) -> Answer:
    """`GET /_tasks`: those that run, `actions` narrowing them."""
    wanted = call.params.get("actions", "*").split(",")
    return Answer(
        _grouped(
            [
                task
                for task in call.store.tasks.running()
                if any(fnmatch.fnmatchcase(task.action, pattern) for pattern in wanted)
            ]
        )
    )


def get_task(call: Call) -> Answer:
    """`GET /_tasks/{id}`: one, ended or not; `wait_for_completion` waits for its end."""
    task = _found(call)
    if call.flag("wait_for_completion"):
        task.ended.wait(seconds(call.params.get("timeout", "30s")))
    made: dict[str, Any] = {"completed": task.ended.is_set(), "task": task.shown()}
    if task.response is not None:
        made["response"] = task.response
    if task.error is not None:
        made["error"] = task.error
    return Answer(made)


def cancel(call: Call) -> Answer:
    """`POST /_tasks/{id}/_cancel`: it ends after the batch that it is at."""
    task = _found(call)
    if task.ended.is_set():
        return Answer({"nodes": {}})
    task.cancelled.set()
    return Answer(_grouped([task]))


def rethrottle(call: Call) -> Answer:
    """`POST /_reindex/{id}/_rethrottle` and the like: nothing is throttled here."""
    node = call.path["id"].rpartition(":")[0]
    task = call.store.tasks.find(call.path["id"])
    if node != NODE_ID:
        cause = {"type": "no_such_node_exception", "reason": f"No such node [{node}]"}
        failure = {
            "type": "failed_node_exception",
            "reason": f"Failed node [{node}]",
            "node_id": node,
            "caused_by": {**cause, "node_id": node},
        }
        return Answer({"node_failures": [failure], "nodes": {}})
    return Answer(_grouped([task] if task and not task.ended.is_set() else []))


def _found(call: Call) -> Task:
    task = call.store.tasks.find(call.path["id"])
    if task is None:
        raise missing_resource(
            f"task [{call.path['id']}] isn't running and hasn't stored its results"
        )
    return task
