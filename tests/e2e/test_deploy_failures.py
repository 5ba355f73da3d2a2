"""What deploy.sh says when a deployment fails half-way, and how it goes on from there."""

import re

from tests.support.deployer import GOOD_KEY, NEW_KEY, Deployer


def test_a_failing_deployment_prints_the_reason_and_the_next_run_clears_it_away(deployer: Deployer) -> None:
    # Given CloudFormation cannot create the function
    deployer.aws.refuse("AWS::Lambda::Function", "The account's limit of unicorns is reached")

    # When the stack is first deployed
    failed = deployer.deploy("--yes", key=GOOD_KEY)

    # Then the resource and its reason are printed, and what to do
    assert failed.returncode == 1
    assert "failed at TravelGPTFunction (AWS::Lambda::Function)" in failed.stderr
    assert "The account's limit of unicorns is reached" in failed.stderr
    assert "offer to clear it away" in " ".join(failed.stderr.split())
    assert deployer.stack()["StackStatus"] == "ROLLBACK_COMPLETE"

    # When the cause is fixed and it is run again
    deployer.aws.refuse("AWS::Lambda::Function", None)
    fixed = deployer.deploy("--yes")

    # Then what is left is deleted, and the stack is deployed with the key that was stored
    assert fixed.returncode == 0, fixed.stderr
    assert re.search(r"Delete what is left of the stack .*ROLLBACK_COMPLETE", fixed.stdout)
    assert deployer.stack()["StackStatus"] == "CREATE_COMPLETE"

    # When an update fails
    deployer.aws.refuse("AWS::Lambda::Function", "Not on a Friday")
    update = deployer.deploy("--yes", "--parameter", "LogLevel=ERROR")

    # Then the stack is as it was, and that is said
    assert update.returncode == 1
    assert "Not on a Friday" in update.stderr
    assert "The stack is as it was before" in " ".join(update.stderr.split())
    assert deployer.parameters()["LogLevel"] == "INFO"
    deployer.aws.refuse("AWS::Lambda::Function", None)

    # When CloudFormation refuses a value before it begins
    value = deployer.deploy("--yes", "--parameter", "MaxOutputTokens=1")

    # Then its words and the way out are the last thing said
    assert value.returncode == 1
    assert "MaxOutputTokens" in value.stderr
    assert "--parameter Name=Value" in value.stderr

    # When the function may no longer read its secret
    deployer.aws.deny("secretsmanager:GetSecretValue")
    sick = deployer.deploy("--yes", "--parameter", "LogLevel=ERROR", key=NEW_KEY)

    # Then the deployment is done, health says why it is not well, and so does deploy.sh
    assert sick.returncode == 1
    assert "You may not read the stored key" in sick.stdout
    assert "its health check answers 503, access_denied" in sick.stderr
    assert "sam logs -n TravelGPTFunction" in sick.stderr
