"""Looking at what is there and deciding what to do. Nothing here changes anything."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from travel_gpt.base_url import safe_base_url
from travel_gpt.cli.deploy import (
    access_logs,
    concurrency,
    keyless as keylesses,
    logging_role,
    openai_key,
    openai_trust,
    protection as protections,
    rotation as rotations,
    secret as secrets,
    tls,
    vpc as vpcs,
)
from travel_gpt.cli.deploy.console import CliError, Console
from travel_gpt.cli.deploy.openai_key import Verdict
from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.deploy.parameters import merge, read_environment, read_template
from travel_gpt.cli.deploy.plan import KeyPlan, Plan, flags_for
from travel_gpt.cli.deploy.preflight import Account
from travel_gpt.cli.deploy.secret import Action, Secret
from travel_gpt.cli.deploy.shell import Commands
from travel_gpt.cli.deploy.stack import UPDATABLE, read_stack
from travel_gpt.credentials.credential import Key
from travel_gpt.credentials.secret import read_secret


def prepare(
    commands: Commands, console: Console, options: Options, account: Account, key: Key | None
) -> Plan:
    """Look at what is there and decide what to do.

    Args:
        commands: the command lines.
        console: where to ask for a key and for the logging role.
        options: what the person asked for.
        account: where.
        key: the key that was exported, if one was.

    Returns:
        The plan.

    Raises:
        AwsError: AWS refused to say what is there.
        Stop: something is in the way.
    """
    environment = read_environment(options.environment)
    if options.no_build and not Path(".aws-sam/build/template.yaml").exists():
        raise CliError("--no-build, and nothing has been built yet. Leave it out, or build first: sam build")
    flags = flags_for(account, commands.profile)
    # Each of these starts an interpreter; none needs another's answer.
    with ThreadPoolExecutor() as pool:
        reading_stack = pool.submit(read_stack, commands, environment.stack)
        reading_template = pool.submit(read_template, commands)
        reading_role = pool.submit(logging_role.is_named, commands)
        stack, template, named = reading_stack.result(), reading_template.result(), reading_role.result()
    stack.refuse_if_busy(flags)
    if stack.exists and not stack.dead and stack.status not in UPDATABLE:
        raise CliError(
            f"The stack {stack.name} is {stack.status}, which deploy.sh does not know what to do about."
        )
    current = stack.parameters if stack.exists and not stack.dead else {}
    parameters = merge(template, given=options.parameters, current=current, environment=environment)
    parameters, limited = rotations.limit(parameters)
    notes = [limited] if limited else []
    if stack.dead:
        notes.append(
            f"The stack {stack.name} is {stack.status}: it cannot be updated, only deleted and made anew. "
            "Parameters that were given to it have to be given again."
        )
    wanted = next(parameter.new for parameter in parameters if parameter.name == "AccessLogs")
    logs = access_logs.resolve(commands, console, options, account, wanted=wanted == "enabled", named=named)
    notes.append(logs.note)
    notes.append(tls.note(stack))
    if not logs.on:
        parameters = access_logs.switch_off(parameters)
    values = {parameter.name: parameter.new for parameter in parameters}
    vpc = vpcs.resolve(options, values, current)
    parameters = vpcs.prepare(vpc, parameters)
    secret = secrets.read(commands, values["SecretName"])
    before = current.get("Keyless", "off")
    keyless = keylesses.resolve(commands, options, values, secret, before=before)
    notes += keyless.notes
    if keyless.wanted:
        parameters = keylesses.prepare(parameters)
    without_key = keyless.wanted or values["Keyless"] in keylesses.USES_IDENTITY
    protection = protections.resolve(
        commands, options, account, environment.stack, values, secret, without_key=without_key
    )
    notes += protection.notes
    rotation = rotations.resolve(commands, console, options, values, current, secret, flags)
    notes += rotation.notes
    if without_key:
        unused = "The key in OPENAI_API_KEY is not used: the function does without." if key else ""
        plan = KeyPlan(secret, Action.KEEP, None, note=unused)
    else:
        plan = resolve_key(commands, console, options, secret, key, values)
        if keyless.ends and plan.action is Action.KEEP:
            _prove_stored(commands, options, secret, values)
    notes.append(concurrency.check(commands, options, values, current, flags))
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
    commands: Commands,
    console: Console,
    options: Options,
    secret: Secret,
    key: Key | None,
    values: Mapping[str, str],
) -> KeyPlan:
    """Decide what becomes of the key, ask for it if it is needed, and prove it.

    Args:
        commands: the command lines.
        console: where to ask.
        options: what the person asked for.
        secret: the secret as it is.
        key: the key at hand, if there is one.
        values: the parameters.

    Returns:
        What becomes of the key.

    Raises:
        Stop: there is no key and nobody to ask for one, or the key is refused.
    """
    if secret.deleted:
        # What it holds can be read only once it is restored: then this is decided again.
        if options.replace_key and key is None and not options.dry_run:
            key = _have_key(console, options, secret)
        return KeyPlan(secret, Action.KEEP, key)
    action, note = secrets.decide(secret, key, options)
    if action is Action.KEEP:
        return KeyPlan(secret, action, None, note=note)
    if key is None:
        if options.dry_run:
            return KeyPlan(secret, action, None)
        key = _have_key(console, options, secret)
        action, note = secrets.decide(secret, key, options)
        if action is Action.KEEP:
            return KeyPlan(secret, action, None, note=note)
    credential = read_secret(secrets.new_value(secret, key), source=secret.name, version="")
    try:
        base_url = values["OpenAIBaseUrl"] and safe_base_url(values["OpenAIBaseUrl"])
    except ValueError as wrong:
        raise CliError(f"OpenAIBaseUrl {wrong}.", 2) from None
    proof = openai_key.verify(commands, credential, base_url)
    openai_key.insist(proof, replacing=action is Action.REPLACE)
    if proof.verdict is Verdict.UNKNOWN:
        note = (
            f"The key could not be proven: {proof.detail}. It is stored all the same; ?verify=true will tell."
        )
    model = credential.model or values["OpenAIModel"]
    if proof.models and model not in proof.models:
        note = f"The key is good, and its server does not list the model {model}: check --model."
    return KeyPlan(secret, action, key, proof, note)


def _prove_stored(commands: Commands, options: Options, secret: Secret, values: Mapping[str, str]) -> None:
    """Stop where the function would get a key that is worth nothing: nobody has used it for a while."""
    if secret.credential is None:
        return
    proof = openai_key.verify(commands, secret.credential, values["OpenAIBaseUrl"])
    if proof.verdict in (Verdict.REJECTED, Verdict.FORBIDDEN):
        raise CliError(
            f"The key in the secret {secret.name} is no good any more: {proof.detail}. Nothing was changed. "
            f"Give a new one:\n    {options.command('--parameter', 'Keyless=off', '--replace-key')}"
        )


def _have_key(console: Console, options: Options, secret: Secret) -> Key:
    if console.terminal:
        return openai_key.ask_for_key(console)
    replacing = ["--replace-key"] if options.replace_key else []
    why = "A new key is needed" if secret.exists else f"There is no secret {secret.name} here yet"
    raise CliError(
        f"{why}, OPENAI_API_KEY is not set, and there is no terminal to ask in. Nothing was changed. "
        "In CI, set OPENAI_API_KEY from the CI's own store of secrets. In bash or zsh (paste the key and "
        f"press Enter; nothing is shown):\n    {options.command_with_key(*replacing)}"
    )
