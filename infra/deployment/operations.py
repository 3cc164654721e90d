"""Deploys infra/operations.yaml beside the stack, as its nested stack would be, and sets each alarm off."""

import json
import time

from samtranslator.yaml_helper import yaml_parse

from journey import until
from stack import NAME, ROOT

STACK = f"{NAME}-operations"
# A value that no alarm's threshold allows, whichever way it looks.
WRONG = {"GreaterThanThreshold": 1e9, "LessThanThreshold": 0.0}


def deploy(cloud, stack, topic):
    """Creates the stack, with the parameters that template.yaml gives the nested one."""
    formation = cloud.client("cloudformation")
    resources = stack.resources()
    nested = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Operations"]["Properties"]
    given = {name: value_of(value, resources, topic) for name, value in nested["Parameters"].items()}
    formation.create_stack(
        StackName=STACK,
        TemplateBody=(ROOT / nested["TemplateURL"]).read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )
    status = until("the operations", lambda: settled(formation))
    assert status == "CREATE_COMPLETE", status


def settled(formation):
    status = formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    return None if status.endswith("_IN_PROGRESS") else status


def value_of(value, resources, topic):
    """What template.yaml passes on: the name of a resource, or a parameter."""
    (function, argument), *_ = value.items()
    name = argument.split(".")[0] if isinstance(argument, str) else argument[0]
    if function == "Ref" and name == "AWS::StackName":
        return NAME
    if name == "AlarmTopicArn":
        return topic
    if name not in resources:
        return {"ConcurrencyAlarm": "800", "LoginFailuresAlarm": "100"}[name]
    # Names of message queues, not their URLs.
    return resources[name].rsplit("/", 1)[-1]


def set_off(cloud, topic):
    """Sends each alarm a value beyond its threshold; returns the names of the alarms once all are on."""
    watch = cloud.client("cloudwatch")

    def alarms():
        return watch.describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]

    for alarm in alarms():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], alarm
        point = {
            "MetricName": alarm["MetricName"],
            "Dimensions": alarm["Dimensions"],
            "Value": WRONG[alarm["ComparisonOperator"]],
            "Timestamp": time.time(),
        }
        watch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[point])
    until("every alarm", lambda: {alarm["StateValue"] for alarm in alarms()} == {"ALARM"})
    return [alarm["AlarmName"] for alarm in alarms()]


def check(cloud, stack):
    """Deploys, sets off every alarm, reads the dashboard back and takes it down; returns what to say."""
    topic = cloud.client("sns").create_topic(Name="alarms")["TopicArn"]
    deploy(cloud, stack, topic)
    names = set_off(cloud, topic)
    body = cloud.client("cloudwatch").get_dashboard(DashboardName=NAME)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert "${" not in body, "a reference that nothing replaced"
    cloud.client("cloudformation").delete_stack(StackName=STACK)
    return f"{len(names)} alarms went off; a dashboard of {len(widgets)} widgets"
