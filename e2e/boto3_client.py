"""Makes the calls that it reads from standard input, a line of JSON each, and writes the answers to standard output.

They are calls of EventBridge, or of the service that its argument names.
"""

import json
import sys

import boto3
import botocore.exceptions

client = boto3.client(sys.argv[1] if len(sys.argv) > 1 else "events")
override = {}


def replace(params, **_):
    """Puts in what the test sends in place of the client's own."""
    if "target" in override:
        params["headers"]["X-Amz-Target"] = override["target"]
    if "body" in override:
        params["body"] = override["body"].encode()


client.meta.events.register("before-call.events", replace)

for line in sys.stdin:
    call = json.loads(line)
    override = {name: call[name] for name in ("target", "body") if name in call}
    method = getattr(client, next(m for m, op in client.meta.method_to_api_mapping.items() if op == call["operation"]))
    try:
        output = method(**call["input"])
        output.pop("ResponseMetadata", None)
        answer = {"output": output}
    except botocore.exceptions.ClientError as e:
        answer = {"error": {
            "code": e.response["Error"]["Code"],
            "message": e.response["Error"]["Message"],
            "status": e.response["ResponseMetadata"]["HTTPStatusCode"],
        }}
    print(json.dumps(answer, default=lambda t: t.isoformat()), flush=True)
