"""Deploys the template into ministack and sells tickets there: `cargo verify` runs it as its step "deployment".

Each function runs under its own IAM role. What the emulator lacks is printed as NOT checked.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import front
import operations
from journey import PASSWORD, Api, until
from stack import NAME, ROOT, Cloud, Stack

ARCHITECTURE = "x86_64" if platform.machine() in ("x86_64", "AMD64") else "arm64"
PARAMETERS = {
    "Architecture": ARCHITECTURE,
    "HoldSeconds": "4",
    "TickSeconds": "1",
    "QueueCapacity": "1",
    # The emulator has no nested stacks: operations.py deploys that one by itself.
    "Monitoring": "false",
}
PRICE = 50_000
# The one that runs `cargo verify`.
CARGO = os.environ.get("CARGO", "cargo")
NOT_CHECKED = {
    "the routes in the API's Body": "the emulator ignores them; the test makes them from the same text",
    "GET /health": "the emulator answers this path itself",
    "GenerateSecretString": "the emulator's secret has commas in spite of ExcludePunctuation; the test stores another",
    "access logs, throttling, TTL, point-in-time recovery": "the emulator takes the settings and does nothing",
    "the role's grant for the destination of a schedule that fails": "the emulator does not ask it",
    "metrics from log lines": "the emulator does not read them; the test sends values to the alarms itself",
    "alarms by missing data, or in some of several periods": "the emulator judges all recent values at once",
    "what CloudFront keeps and sends on, domain, certificate, firewall": "the emulator takes the settings and does nothing",
    "what the policy of a key allows, warm tables": "the emulator does not ask",
    "the other architecture": f"the emulator runs programs of this machine, {ARCHITECTURE}",
}


def say(text):
    print(f"deployment: {text}", flush=True)


def build():
    """Builds the program of all functions, as the other tests build; returns its path."""
    # With `features`, whose dependencies are compiled already: cargo unifies the features of one build.
    cargo = [CARGO, "build", "--package", "bundle", "--package", "features"]
    cargo += ["--message-format=json-render-diagnostics"]
    output = subprocess.run(cargo, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = map(json.loads, output.splitlines())
    return Path(next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "bootstrap"))


def administrator(api, cloud):
    """An account that `cargo admin` makes an administrator's, with the credentials of the shell."""
    api.sign_up("boss")
    grant = [CARGO, "run", "--quiet", "--package", "admin", "--", "grant", "boss", "--stack", NAME]
    said = subprocess.run(grant, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    say(f"cargo admin: {said.strip()}")
    return api.log_in("boss")


def put_secret(cloud, stack, value):
    cloud.client("secretsmanager").put_secret_value(SecretId=stack.outputs()["SigningSecretArn"], SecretString=value)


def sell(api, boss):
    """One fan buys, lets a hold expire and is refunded; the next one waits. Returns the concert and both fans."""
    draft = {"concertName": "Night", "startsAt": "2099-06-01T19:00:00Z", "endsAt": "2099-06-01T22:00:00Z"}
    concert = api.expect(201, "POST", "/api/v1/admin/concerts", boss.access, draft, "concert")["concertId"]
    ann, bob = api.sign_up("ann"), api.sign_up("bob")
    assert ann.join() == "ACTIVE" and bob.join() == "WAITING"
    expired = ann.hold(concert, 1)
    until("a hold expires by its timer", lambda: ann.reservation(expired) == "EXPIRED")
    say("a hold expired by its timer")
    refused, _ = api.send("POST", "/api/v1/payments/recharge", ann.access, {"userId": ann.user, "amount": PRICE})
    assert refused == 403, "by default, fans do not recharge"
    credit = {"userId": ann.user, "amount": PRICE, "reference": "transfer 1"}
    api.expect(200, "POST", "/api/v1/payments/recharge", boss.access, credit, "credit")
    hold = ann.hold(concert, 2)
    paid = ann.pay(hold)
    assert paid["status"] == "success" and ann.balance() == 0, paid
    until("the next fan is promoted", lambda: bob.status() == "ACTIVE")
    say("a payment ended a session, and the next fan was promoted")
    availability = f"/api/v1/concerts/{concert}/availability"
    until("the stream counts", lambda: api.expect(200, "GET", availability)["free"] == 49)
    api.expect(200, "POST", f"/api/v1/payments/{paid['paymentId']}/cancel", ann.access, {}, "refund")
    assert ann.balance() == PRICE
    until("the stream counts the refund", lambda: api.expect(200, "GET", availability)["free"] == 50)
    say("the stream counted a sale and a refund")
    return concert, ann, bob


def smoke(api):
    """`cargo smoke`, with the name of the API as API Gateway has one."""
    url = api.endpoint.replace("127.0.0.1", api.host)
    command = [CARGO, "run", "--quiet", "--package", "smoke", "--", url, "--admin", "boss"]
    secret = {"STAGEDOOR_PASSWORD": PASSWORD}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | secret, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    say(f"cargo smoke: {done.stdout.splitlines()[-1]}")


def messages(cloud, url):
    sqs, bodies = cloud.client("sqs"), []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in received:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def look_at_messages(cloud, stack, concert):
    """The events of the sale, and a poisoned record among the dead letters."""
    types = set()
    # One file for each type.
    expected = {file.name.removesuffix(".schema.json") for file in (ROOT / "events/sent").glob("*.schema.json")}

    def arrived():
        events = [json.loads(body) for body in messages(cloud, stack.outputs()["EventsQueueUrl"])]
        assert all(event["specversion"] == "1.0" and event["source"] == f"urn:stagedoor:{NAME}" for event in events)
        types.update(event["type"] for event in events)
        return types >= expected

    until(f"events {sorted(expected)}", arrived)
    say(f"events: {', '.join(sorted(types))}")
    table = stack.outputs()["ConcertsTableName"]
    poison = {"pk": {"S": f"CONCERT#{concert}#0"}, "sk": {"S": "SEAT#000001"}, "status": {"N": "7"}}
    cloud.client("dynamodb").put_item(TableName=table, Item=poison)
    dead = until("a dead letter", lambda: messages(cloud, stack.outputs()["DeadLetterQueueUrl"]))
    assert any("sequenceNumber" in body for body in dead), dead
    say("a poisoned record came to the dead letters")


def rotate(cloud, stack, api, ann):
    """A new secret: tokens of the old one stay good, and the new key is published."""
    keys = len(api.expect(200, "GET", "/.well-known/jwks.json")["keys"])
    put_secret(cloud, stack, "the signing secret after the first rotation")
    forged = "eyJhbGciOiJFZERTQSIsImtpZCI6ImZvcmdlZCJ9.e30.AAAA"

    def published():
        listed = api.expect(200, "GET", "/.well-known/jwks.json", forged)["keys"]
        return len(listed) > keys

    until("a rotated key", published)
    assert ann.balance() == PRICE
    say("a rotated secret was read without a deployment, and old tokens stay good")


def change(cloud, stack, api, concert, bob):
    """An update in the middle of a journey, and one that fails and is rolled back."""
    first = bob.hold(concert, 3)
    changed = PARAMETERS | {"HoldSeconds": "20", "Backups": "false"}
    assert stack.deploy(changed, "second") == "UPDATE_COMPLETE"
    assert bob.reservation(first) in ("PENDING", "EXPIRED")
    hold = bob.hold(concert, 4)
    time.sleep(5)
    assert bob.reservation(hold) == "PENDING", "the parameter is that of the update"
    say("an update in the middle of a journey: new code, a parameter and a table setting")

    def break_it(template):
        template["Resources"]["GetBalance"]["Properties"]["Code"]["S3Key"] = "missing.zip"

    status = stack.deploy(changed, "third", break_it)
    if status == "UPDATE_ROLLBACK_COMPLETE":
        assert bob.reservation(hold) in ("PENDING", "EXPIRED")
        say("an update that fails is rolled back")
    else:
        NOT_CHECKED["a rollback"] = f"the emulator answers {status} to code that is missing"


def least_privilege(cloud, stack, api, ann):
    """Takes the partitions of fans from a role, then the whole statement: the function that needs it is denied."""
    iam, role = cloud.client("iam"), stack.resources()["GetBalanceRole"]
    name = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    document = json.loads(document) if isinstance(document, str) else document
    balance = f"/api/v1/payments/balance/{ann.user}"

    def status_with(text):
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
        return api.send("GET", balance, ann.access)[0]

    whole = json.dumps(document)
    if status_with(whole.replace("FAN#*", "NOBODY#*")) == 500:
        say("get_balance was denied the partitions of fans by dynamodb:LeadingKeys")
    else:
        NOT_CHECKED["dynamodb:LeadingKeys"] = "the emulator ignores this condition"
    narrowed = [statement for statement in document["Statement"] if "FAN#*" not in json.dumps(statement)]
    denied = status_with(json.dumps(document | {"Statement": narrowed}))
    assert denied == 500, f"{denied}: the role is not enforced"
    until("the denial is logged", lambda: stack.logged("AccessDenied"))
    assert status_with(whole) == 200
    say("without one statement of its policy get_balance was denied; with it, it works again")


def fail_a_schedule(cloud, stack):
    """A run of the sweep without its role's rights fails, is repeated once and leaves a dead letter."""
    iam, role = cloud.client("iam"), stack.resources()["SweepHoldsRole"]
    policies = {}
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policies[name] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    function = stack.resources()["SweepHolds"]
    cloud.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"source": "aws.events"}')
    dead = until("a dead letter", lambda: messages(cloud, stack.outputs()["DeadLetterQueueUrl"]))
    assert any("RetriesExhausted" in body for body in dead), dead
    for name, document in policies.items():
        document = document if isinstance(document, str) else json.dumps(document)
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    say("a schedule that failed twice came to the dead letters")


def take_down(cloud, stack):
    tables = {stack.outputs()[f"{name}TableName"] for name in ("Fans", "Concerts", "Queues", "Joins")}
    stack.delete()
    left = set(cloud.client("dynamodb").list_tables()["TableNames"])
    assert left == tables, f"left {left}, to be kept {tables}"
    say("the deletion keeps the four tables of the sale, and nothing else")


def main():
    started = time.monotonic()
    program = build()
    logs = ROOT / "target/deployment"
    logs.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(logs)
    try:
        stack = Stack(cloud, program)
        status = stack.deploy(PARAMETERS, "first")
        assert status == "CREATE_COMPLETE", status
        say(f"{len(stack.resources())} resources, created from the packaged template ({stack.size()})")
        for _ in range(2):
            put_secret(cloud, stack, "the signing secret of the deployment test")
        api = Api(cloud.endpoint, stack.connect_routes())
        boss = administrator(api, cloud)
        concert, ann, bob = sell(api, boss)
        until("a line with metrics", lambda: stack.logged('"Refunds"'))
        smoke(api)
        least_privilege(cloud, stack, api, ann)
        look_at_messages(cloud, stack, concert)
        rotate(cloud, stack, api, ann)
        say(operations.check(cloud, stack))
        fail_a_schedule(cloud, stack)
        change(cloud, stack, api, concert, bob)
        front.refuse(stack, PARAMETERS, say)
        front.check(cloud, stack, PARAMETERS, api, ann, say)
        take_down(cloud, stack)
    except Exception:
        for line in stack.logged('"ERROR"')[-5:]:
            say(f"log: {line.strip()}")
        raise
    finally:
        cloud.stop()
    for what, why in NOT_CHECKED.items():
        say(f"NOT checked: {what}: {why}")
    say(f"ok, {time.monotonic() - started:.0f} s")


main()
