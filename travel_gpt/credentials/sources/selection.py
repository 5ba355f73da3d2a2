"""Which sources the owner chose."""

from travel_gpt.credentials.advice import Local
from travel_gpt.credentials.sources.chain import Source, SourceChain
from travel_gpt.settings import Settings


def source_of(settings: Settings, local: Local = "") -> Source:
    """Make what CREDENTIAL_SOURCE names.

    Args:
        settings: the settings.
        local: where this runs.

    Returns:
        The one source, or the chain of several.
    """
    sources = [_source(name, settings, local) for name in settings.credential_source]
    return sources[0] if len(sources) == 1 else SourceChain(sources)


def _source(name: str, settings: Settings, local: Local) -> Source:
    try:
        return _made(name, settings, local)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("travel_gpt"):
            raise
        from travel_gpt.credentials.sources.unavailable_source import UnavailableSource

        return UnavailableSource(name)


def _made(name: str, settings: Settings, local: Local) -> Source:
    # Imported when chosen: what is not used costs no cold start anything, and need not be installed.
    match name:
        case "environment":
            from travel_gpt.credentials.sources.environment import EnvironmentSource

            return EnvironmentSource(settings.secret_name)
        case "workload-identity":
            from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource

            return WorkloadIdentitySource(settings.identity_provider_id, settings.service_account_id)
        case "encrypted-file":
            from travel_gpt.credentials.sources.encrypted_file import EncryptedFileSource

            return EncryptedFileSource(settings.credential_file, master_keys_file=settings.master_keys_file)
        case "vault":
            from travel_gpt.credentials.sources.vault import VaultSource

            return VaultSource(settings)
        case _:
            from travel_gpt.credentials.sources.secrets_manager import SecretsManagerSource

            return SecretsManagerSource(settings.secret_name, local)
