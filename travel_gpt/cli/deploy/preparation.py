"""Looking at what is there and deciding what to do. Nothing here changes anything."""

from collections.abc import Mapping
from pathlib import Path

from travel_gpt.base_url import safe_base_url
from travel_gpt.cli.aws_session import Account, AwsSession
from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy import (
    access_logs,
    concurrency,
    keyless as keylesses,
    openai_key,
    openai_trust,
    protection as protections,
    rotation as rotations,
    secret as secrets,
    tls,
    vpc as vpcs,
)
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import merge, read_environment, read_template
from travel_gpt.cli.deploy.plan import KeyPlan, Plan, flags_for
from travel_gpt.cli.deploy.secret import Action, Secret
from travel_gpt.cli.deploy.stack import UPDATABLE, is_failed, refuse_if_busy
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.key_input import KeyInput, take_key
from travel_gpt.cli.stack import read_stack
from travel_gpt.cli.verification import verify
from travel_gpt.credentials.secret import read_secret
from travel_gpt.settings import Settings


def prepare(
    aws: AwsSession, console: Console, options: Options, account: Account, key: KeyInput | None
) -> Plan:
    """Look at what is there and decide what to do.

    Args:
        aws: the AWS session.
        console: where to ask for a key and for the logging role.
        options: what the person asked for.
        account: where.
        key: the key that was exported, if one was.

    Returns:
        The plan.

    Raises:
        ClientError: AWS refused to say what is there.
        CliError: something is in the way.
    """
    environment = read_environment(options.environment)
    if options.no_build and not Path(".aws-sam/build/template.yaml").exists():
        raise CliError("--no-build, and nothing has been built yet. Leave it out, or build first: sam build")
    flags = flags_for(account, aws.profile)
    stack = read_stack(aws.client("cloudformation"), environment.stack)
    refuse_if_busy(stack, flags)
    if stack.exists and not is_failed(stack) and stack.status not in UPDATABLE:
        raise CliError(
            f"The stack {stack.name} is {stack.status}, which deploy.sh does not know what to do about."
        )
    current = stack.parameters if stack.exists and not is_failed(stack) else {}
    parameters = merge(read_template(aws), given=options.parameters, current=current, environment=environment)
    parameters, limited = rotations.limit(parameters)
    notes = [limited] if limited else []
    if is_failed(stack):
        notes.append(
            f"The stack {stack.name} is {stack.status}: it cannot be updated, only deleted and made anew. "
            "Parameters that were given to it have to be given again."
        )
    wanted = next(parameter.new for parameter in parameters if parameter.name == "AccessLogs")
    logs = access_logs.resolve(aws, console, options, account, wanted=wanted == "enabled")
    notes.append(logs.note)
    notes.append(tls.note(stack))
    if not logs.on:
        parameters = access_logs.switch_off(parameters)
    values = {parameter.name: parameter.new for parameter in parameters}
    vpc = vpcs.resolve(options, values, current)
    parameters = vpcs.prepare(vpc, parameters)
    secret = secrets.read(aws, values["SecretName"])
    before = current.get("Keyless", "off")
    keyless = keylesses.resolve(aws, options, values, secret, before=before)
    notes += keyless.notes
    if keyless.wanted:
        parameters = keylesses.prepare(parameters)
    without_key = keyless.wanted or values["Keyless"] in keylesses.USES_IDENTITY
    protection = protections.resolve(
        aws, options, account, environment.stack, values, secret, without_key=without_key
    )
    notes += protection.notes
    rotation = rotations.resolve(aws, console, options, values, current, secret, flags)
    notes += rotation.notes
    if without_key:
        unused = "The key in OPENAI_API_KEY is not used: the function does without." if key else ""
        plan = KeyPlan(secret, Action.KEEP, None, note=unused)
    else:
        plan = resolve_key(console, options, secret, key, values)
        if keyless.ends and plan.action is Action.KEEP:
            _verify_stored(options, secret, values)
    notes.append(concurrency.check(aws, options, values, current, flags))
    if values["ApiAccess"] == "open" and current.get("ApiAccess") != "open":
        notes.append(
            "With ApiAccess=open anybody on the internet can spend your OpenAI money, up to the throttle."
        )
    if values["AlarmEmail"] and values["AlarmEmail"] != current.get("AlarmEmail"):
        notes.append(
            f"AWS will send a mail to {values['AlarmEmail']}; alarms come once it is confirmed there."
        )
    return Plan(
        options=options,
        account=account,
        environment=environment,
        stack=stack,
        parameters=parameters,
        key=plan,
        keyless=keyless,
        trust=openai_trust.ended_by(stack, values),
        protection=protection,
        rotation=rotation,
        vpc=vpc,
        logging_role=logs.role,
        notes=notes,
        flags=flags,
    )


def resolve_key(
    console: Console,
    options: Options,
    secret: Secret,
    key: KeyInput | None,
    values: Mapping[str, str],
) -> KeyPlan:
    """Decide what becomes of the key, ask for it if it is needed, and verify it.

    Args:
        console: where to ask.
        options: what the person asked for.
        secret: the secret as it is.
        key: the key at hand, if there is one.
        values: the parameters.

    Returns:
        What becomes of the key.

    Raises:
        CliError: there is no key and no terminal to ask for one, or the key is refused.
    """
    if secret.deleted:
        # What it holds can be read only once it is restored: then this is decided again.
        if options.replace_key and key is None and not options.dry_run:
            key = _ask_for_key(console, options, secret)
        return KeyPlan(secret, Action.KEEP, key)
    action, note = secrets.decide(secret, key, options)
    if key is None and action is not Action.KEEP and not options.dry_run:
        key = _ask_for_key(console, options, secret)
        action, note = secrets.decide(secret, key, options)
    if action is Action.KEEP or key is None:
        return KeyPlan(secret, action, None, note=note)
    credential = read_secret(key.value(secret.fields), source=secret.name, version="")
    try:
        base_url = values["OpenAIBaseUrl"] and safe_base_url(values["OpenAIBaseUrl"])
    except ValueError as wrong:
        raise CliError(f"OpenAIBaseUrl {wrong}.", 2) from None
    verification = verify(credential, Settings.load({"OPENAI_BASE_URL": base_url}))
    openai_key.require_usable(verification, replacing=action is Action.REPLACE)
    if verification.failure:
        note = (
            f"The key could not be verified: {verification.reason}. It is stored all the same; ?verify=true "
            "will tell."
        )
    model = credential.model or values["OpenAIModel"]
    if verification.models and model not in verification.models:
        note = f"The key is accepted, and its server does not list the model {model}: check --model."
    return KeyPlan(secret, action, key, verification, note)


def _verify_stored(options: Options, secret: Secret, values: Mapping[str, str]) -> None:
    """Stop where the function would get a key that its server refuses: it was not in use for a while."""
    if secret.credential is None:
        return
    verification = verify(secret.credential, Settings.load({"OPENAI_BASE_URL": values["OpenAIBaseUrl"]}))
    if verification.refused:
        raise CliError(
            f"The key in the secret {secret.name} cannot be used any more: {verification.reason}. Nothing "
            "was changed. Give a new one:\n"
            f"    {options.command('--parameter', 'Keyless=off', '--replace-key')}"
        )


def _ask_for_key(console: Console, options: Options, secret: Secret) -> KeyInput:
    if console.terminal:
        return take_key("OpenAI API key")
    replacing = ["--replace-key"] if options.replace_key else []
    why = "A new key is needed" if secret.exists else f"There is no secret {secret.name} here yet"
    raise CliError(
        f"{why}, OPENAI_API_KEY is not set, and there is no terminal to ask in. Nothing was changed. "
        "In CI, set OPENAI_API_KEY from the CI's own store of secrets. In bash or zsh (paste the key and "
        f"press Enter; nothing is shown):\n    {options.command_with_key(*replacing)}"
    )
