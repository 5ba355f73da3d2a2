"""IAM roles."""

from testbed.stacks.resources.base import Account, Created, Handler, Properties, as_json, only


class Role(Handler):
    type = "AWS::IAM::Role"
    properties = frozenset(
        {"AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path"}
        | {"PermissionsBoundary", "Policies", "RoleName", "Tags"}
    )
    required = frozenset({"AssumeRolePolicyDocument"})
    replacing = frozenset({"RoleName", "Path"})
    named_by = "RoleName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        iam = account.client("iam")
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=as_json(properties["AssumeRolePolicyDocument"]),
            **only(properties, "Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"),
        )["Role"]
        self._grant(account, name, properties, {})
        return Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def update(
        self, account: Account, created: Created, properties: Properties, previous: Properties
    ) -> Created:
        iam = account.client("iam")
        iam.update_assume_role_policy(
            RoleName=created.physical_id,
            PolicyDocument=as_json(properties["AssumeRolePolicyDocument"]),
        )
        iam.update_role(
            RoleName=created.physical_id,
            Description=properties.get("Description", ""),
            MaxSessionDuration=int(properties.get("MaxSessionDuration", 3600)),
        )
        self._grant(account, created.physical_id, properties, previous)
        return created

    def _grant(self, account: Account, name: str, properties: Properties, previous: Properties) -> None:
        iam = account.client("iam")
        inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}
        for policy in previous.get("Policies", []):
            if policy["PolicyName"] not in inline:
                iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        for policy_name, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=as_json(document))
        before, now = (set(p.get("ManagedPolicyArns", [])) for p in (previous, properties))
        for arn in before - now:
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in now - before:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        self._grant(account, created.physical_id, {}, properties)
        account.client("iam").delete_role(RoleName=created.physical_id)


HANDLERS: tuple[Handler, ...] = (Role(),)
