"""Parameters that are off by default (a domain, CloudFront with its firewall, a key, warm tables), and those that are refused."""

from journey import until
from stack import ROOT

DOMAIN = "tickets.example.com"
SECRET = "0123456789abcdef0123456789abcdef"
# Each alone, over parameters that are fine: out of bounds, or in contradiction to another one.
REFUSED = {
    "HoldSeconds": "0",
    "Architecture": "mips",
    "Currency": "Won",
    "OriginSecret": "short",
    "KmsKeyArn": "alias/stagedoor",
    "WarmWriteUnits": "100",
    "DomainName": DOMAIN,
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d",
    "WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/stagedoor/0a1b2c3d",
    "Cdn": "true",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
}


def refuse(stack, parameters, say):
    """Bad values are refused with a plain message before anything changes."""
    before = stack.settled()
    cases = [*REFUSED.items(), ("OriginSecret", SECRET)]
    for name, value in cases:
        why = stack.refusal(parameters | {name: value})
        assert why, f"{name}={value} was taken"
        say(f"refused: {name}={value}: {why}")
    assert stack.settled() == before


def beside(cloud, name, parameters):
    """Deploys infra/NAME.yaml; its outputs are parameters of the template."""
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName=name,
        TemplateBody=(ROOT / f"infra/{name}.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )

    def made():
        stack = formation.describe_stacks(StackName=name)["Stacks"][0]
        assert "ROLLBACK" not in stack["StackStatus"], stack
        return stack if stack["StackStatus"] == "CREATE_COMPLETE" else None

    return {each["OutputKey"]: each["OutputValue"] for each in until(name, made)["Outputs"]}


def check(cloud, stack, parameters, api, ann, say):
    """CloudFront in front and a key: functions refuse what does not come through CloudFront, and work with the key."""
    more = {"Cdn": "true", "ProxiesInFront": "1", "DomainName": DOMAIN, "OriginSecret": SECRET}
    more |= {"WarmReadUnits": "24000", "WarmWriteUnits": "8000", "PasswordConcurrency": "2"}
    more |= beside(cloud, "edge", {"DomainName": DOMAIN}) | beside(cloud, "key", {})
    status = stack.deploy(parameters | more, "front")
    assert status == "UPDATE_COMPLETE", status
    balance = f"/api/v1/payments/balance/{ann.user}"
    assert api.expect(403, "GET", balance, ann.access)["code"] == "forbidden"
    api.origin_secret = SECRET
    api.expect(200, "GET", balance, ann.access)
    found = cloud.client("cloudfront").get_distribution_config(Id=stack.resources()["Distribution"])
    sent = found["DistributionConfig"]["Origins"]["Items"][0]["CustomHeaders"]["Items"]
    assert sent == [{"HeaderName": "x-origin-secret", "HeaderValue": SECRET}], sent
    assert stack.outputs()["ApiUrl"] == f"https://{DOMAIN}", stack.outputs()
    target = stack.outputs()["DomainTarget"]
    say(f"behind CloudFront, which sends the secret, a request around it is 403; {DOMAIN} points to {target}")
    table = cloud.client("dynamodb").describe_table(TableName=stack.outputs()["FansTableName"])["Table"]
    queue = cloud.client("sqs").get_queue_attributes(QueueUrl=stack.outputs()["EventsQueueUrl"], AttributeNames=["All"])
    assert table["SSEDescription"]["KMSMasterKeyArn"] == queue["Attributes"]["KmsMasterKeyId"] == more["KmsKeyArn"], (table, queue)
    say("tables and message queues have the key")
