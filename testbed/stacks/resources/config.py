"""AWS Config's rules."""

# ruff: noqa: ARG002 - every handler has the same methods, whatever it needs of what they are given

from testbed.stacks.document import InvalidTemplate
from testbed.stacks.resources.base import Account, Created, Handler, Properties, PutHandler


class ConfigRule(PutHandler):
    type = "AWS::Config::ConfigRule"
    properties = frozenset({"ConfigRuleName", "Description", "InputParameters", "Scope", "Source"})
    required = frozenset({"Source"})
    replacing = frozenset({"ConfigRuleName"})
    named_by = "ConfigRuleName"

    def create(self, account: Account, properties: Properties, name: str) -> Created:
        config = account.client("config")
        if not config.describe_configuration_recorders()["ConfigurationRecorders"]:
            raise InvalidTemplate(
                "Configuration recorder is not available to put config rule. "
                "(NoAvailableConfigurationRecorderException)"
            )
        config.put_config_rule(ConfigRule={**properties, "ConfigRuleName": name})
        return Created(name, {"Arn": account.arn("config", f"config-rule/{name}")})

    def delete(self, account: Account, created: Created, properties: Properties) -> None:
        account.client("config").delete_config_rule(ConfigRuleName=created.physical_id)


HANDLERS: tuple[Handler, ...] = (ConfigRule(),)
