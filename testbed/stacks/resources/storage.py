"""S3 buckets: the one ``sam deploy --resolve-s3`` keeps its artifacts in."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

from typing import Any

from testbed.stacks.resources.base import Account, Created, Handler, Properties, PutHandler, as_json


class Bucket(Handler):
    type = "AWS::S3::Bucket"
    properties = frozenset(
        {
            "BucketName",
            "VersioningConfiguration",
            "PublicAccessBlockConfiguration",
            "BucketEncryption",
            "Tags",
        }
    )
    replacing = frozenset({"BucketName"})
    named_by = "BucketName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        s3 = account.client("s3")
        bucket = name.lower()
        placed: dict[str, Any] = (
            {}
            if account.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
        )
        s3.create_bucket(Bucket=bucket, **placed)
        return self.update(account, Created(bucket), properties, {})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        s3, bucket = account.client("s3"), created.physical_id
        if versioning := properties.get("VersioningConfiguration"):
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
        if block := properties.get("PublicAccessBlockConfiguration"):
            s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
        return Created(bucket, {"Arn": f"arn:aws:s3:::{bucket}", "DomainName": f"{bucket}.s3.amazonaws.com"})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("s3").delete_bucket(Bucket=created.physical_id)


class BucketPolicy(PutHandler):
    type = "AWS::S3::BucketPolicy"
    properties = frozenset({"Bucket", "PolicyDocument"})
    required = frozenset({"Bucket", "PolicyDocument"})
    replacing = frozenset({"Bucket"})

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        account.client("s3").put_bucket_policy(
            Bucket=properties["Bucket"], Policy=as_json(properties["PolicyDocument"])
        )
        return Created(properties["Bucket"])

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("s3").delete_bucket_policy(Bucket=created.physical_id)


HANDLERS: tuple[Handler, ...] = (Bucket(), BucketPolicy())
