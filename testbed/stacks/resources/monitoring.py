"""Logs, alarms and their subscribers."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import (
    Account,
    Created,
    Handler,
    Properties,
    PutHandler,
    only,
    tags,
)

# What Logs accepts, in days.
RETENTIONS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)


class LogGroup(Handler):
    type = "AWS::Logs::LogGroup"
    properties = frozenset({"LogGroupName", "RetentionInDays", "LogGroupClass", "KmsKeyId", "Tags"})
    replacing = frozenset({"LogGroupName"})
    named_by = "LogGroupName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        self._check(properties)
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        account.client("logs").create_log_group(
            logGroupName=name, **key, **({"tags": tags(properties)} if "Tags" in properties else {})
        )
        return self.update(account, Created(name), properties, properties)

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        logs, name = account.client("logs"), created.physical_id
        if "RetentionInDays" in properties:
            self._check(properties)
            logs.put_retention_policy(logGroupName=name, retentionInDays=properties["RetentionInDays"])
        elif "RetentionInDays" in previous:
            logs.delete_retention_policy(logGroupName=name)
        if "KmsKeyId" in properties and properties["KmsKeyId"] != previous.get("KmsKeyId"):
            logs.associate_kms_key(logGroupName=name, kmsKeyId=properties["KmsKeyId"])
        elif "KmsKeyId" in previous and "KmsKeyId" not in properties:
            logs.disassociate_kms_key(logGroupName=name)
        return Created(name, {"Arn": account.arn("logs", f"log-group:{name}:*")})

    def _check(self, properties: Properties) -> None:
        days = properties.get("RetentionInDays", 1)
        if int(days) not in RETENTIONS:
            raise InvalidTemplate(f"{days} is not a retention that CloudWatch Logs knows")

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("logs").delete_log_group(logGroupName=created.physical_id)


class Alarm(PutHandler):
    type = "AWS::CloudWatch::Alarm"
    properties = frozenset(
        {"ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator"}
        | {"DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationPeriods"}
        | {"ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace", "OKActions"}
        | {"Period", "Statistic", "Threshold", "TreatMissingData", "Unit", "Tags"}
    )
    required = frozenset({"ComparisonOperator", "EvaluationPeriods"})
    replacing = frozenset({"AlarmName"})
    named_by = "AlarmName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        account.client("cloudwatch").put_metric_alarm(**{**properties, "AlarmName": name})
        return Created(name, {"Arn": account.arn("cloudwatch", f"alarm:{name}")})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("cloudwatch").delete_alarms(AlarmNames=[created.physical_id])


class Topic(Handler):
    type = "AWS::SNS::Topic"
    properties = frozenset({"TopicName", "DisplayName", "KmsMasterKeyId", "Subscription", "Tags"})
    replacing = frozenset({"TopicName"})
    named_by = "TopicName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        sns = account.client("sns")
        attributes = only(properties, "DisplayName", "KmsMasterKeyId")
        arn = sns.create_topic(Name=name, Attributes=attributes, Tags=properties.get("Tags", []))["TopicArn"]
        return self.update(account, Created(arn, {"TopicName": name, "TopicArn": arn}), properties, {})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        sns = account.client("sns")
        for key in ("DisplayName", "KmsMasterKeyId"):
            if properties.get(key) != previous.get(key):
                sns.set_topic_attributes(
                    TopicArn=created.physical_id, AttributeName=key, AttributeValue=properties.get(key, "")
                )
        for each in properties.get("Subscription", []):
            if each not in previous.get("Subscription", []):
                sns.subscribe(
                    TopicArn=created.physical_id, Protocol=each["Protocol"], Endpoint=each["Endpoint"]
                )
        return created

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("sns").delete_topic(TopicArn=created.physical_id)


HANDLERS: tuple[Handler, ...] = (LogGroup(), Alarm(), Topic())
