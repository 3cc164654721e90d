"""Deploys template.yaml into ministack, which enforces the IAM role of each function, and takes it down again."""

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
NAME = "sale"
BUCKET = "artifacts"
# What SAM attaches: for logs, and for X-Ray where the parameter Tracing asks for it.
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
}
START_SECONDS = 30
# CloudFormation's limits of a template that comes from a bucket.
MAX_TEMPLATE_BYTES, MAX_RESOURCES, MAX_PARAMETERS = 1_000_000, 500, 200


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cloud:
    """A running ministack."""

    def __init__(self, logs):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        own = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0"}
        # samtranslator asks boto3 for the region.
        os.environ.update(self.environment)
        program = Path(sys.executable).with_name("ministack")
        log = open(logs / "ministack.log", "w")
        self.process = subprocess.Popen([program], env=os.environ | own, stdout=log, stderr=log)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client("s3").create_bucket(Bucket=BUCKET)
                return
            except BotoCoreError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("ministack does not start; see its log")
                time.sleep(0.1)

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def name_batches(node):
    """Allows `sqs:SendMessageBatch` where `sqs:SendMessage` is allowed. In IAM the latter covers both, and the former is no
    action at all; ministack asks for it."""
    if isinstance(node, dict):
        if node.get("Action") == "sqs:SendMessage":
            node["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            name_batches(child)


class Stack:
    """The stack of a template."""

    def __init__(self, cloud, program):
        self.cloud = cloud
        self.formation = cloud.client("cloudformation")
        self.s3 = cloud.client("s3")
        self.program = program
        self.template = None
        self.routes = {}

    def package(self, parameters, key, change=lambda template: None):
        """Uploads the program and the template, transformed as `sam deploy` has it done; returns the template's URL."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, self.program.read_bytes())
        self.s3.put_object(Bucket=BUCKET, Key=f"{key}.zip", Body=archive.getvalue())
        template = yaml_parse((ROOT / "template.yaml").read_text())
        template["Globals"]["Function"]["CodeUri"] = {"Bucket": BUCKET, "Key": f"{key}.zip"}
        defaults = {name: it["Default"] for name, it in template["Parameters"].items() if "Default" in it}
        self.template = Translator(MANAGED_POLICIES, Parser()).translate(template, defaults | parameters)
        name_batches(self.template)
        change(self.template)
        self.size()
        self.s3.put_object(Bucket=BUCKET, Key=f"{key}.json", Body=json.dumps(self.template).encode())
        return f"{self.cloud.endpoint}/{BUCKET}/{key}.json"

    def size(self):
        """The size of the packaged template, which CloudFormation must take."""
        size = len(json.dumps(self.template))
        resources, given = len(self.template["Resources"]), len(self.template["Parameters"])
        sizes = f"{size:,} bytes, {resources} resources, {given} parameters"
        assert size <= MAX_TEMPLATE_BYTES and resources <= MAX_RESOURCES and given <= MAX_PARAMETERS, sizes
        return sizes

    def deploy(self, parameters, key, change=lambda template: None):
        """Creates or updates the stack; returns its status."""
        request = {
            "StackName": NAME,
            "TemplateURL": self.package(parameters, key, change),
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        try:
            self.formation.describe_stacks(StackName=NAME)
            self.formation.update_stack(**request)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            self.formation.create_stack(**request)
        return self.settled()

    def refusal(self, parameters):
        """Why an update with these parameters does not begin; `None` if it began."""
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        try:
            self.formation.update_stack(
                StackName=NAME, UsePreviousTemplate=True, Parameters=given, Capabilities=["CAPABILITY_IAM"]
            )
        except ClientError as error:
            return error.response["Error"]["Message"]
        self.settled()

    def settled(self):
        while True:
            status = self.formation.describe_stacks(StackName=NAME)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.1)

    def delete(self):
        self.formation.delete_stack(StackName=NAME)
        while True:
            try:
                if self.settled() == "DELETE_COMPLETE":
                    return
            except ClientError:
                return
            time.sleep(0.1)

    def resources(self):
        """The physical ids by logical id."""
        found = self.formation.describe_stack_resources(StackName=NAME)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def outputs(self):
        found = self.formation.describe_stacks(StackName=NAME)["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    def connect_routes(self):
        """Makes the routes that SAM describes in the API's `Body`, which ministack ignores. Returns the API's host."""
        gateway, functions = self.cloud.client("apigatewayv2"), self.cloud.client("lambda")
        resources = self.resources()
        api, integrations = resources["Api"], {}
        for path, methods in self.template["Resources"]["Api"]["Properties"]["Body"]["paths"].items():
            for method, operation in methods.items():
                uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                function = uri.split("functions/${")[1].split(".Arn")[0]
                if function not in integrations:
                    arn = functions.get_function(FunctionName=resources[function])["Configuration"]["FunctionArn"]
                    made = gateway.create_integration(
                        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
                    )
                    integrations[function] = made["IntegrationId"]
                key = "$default" if path == "$default" else f"{method.upper()} {path}"
                gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integrations[function]}")
        return f"{api}.execute-api.localhost"

    def logged(self, text):
        """The lines of the functions' log group that contain a text."""
        logs, found = self.cloud.client("logs"), []
        group = self.resources()["FunctionLogs"]
        # An environment has a stream of its own, and a page has 50 streams.
        for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
            for stream in page["logStreams"]:
                events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
                found += [event["message"] for event in events if text in event["message"]]
        return found
