"""What Lambda's PutFunctionConcurrency refuses.

Recorded line lambda/PutFunctionConcurrency/below-unreserved-minimum. The minimum: AWS Lambda developer
guide, "Configuring reserved concurrency for a function", says 100; an account with a lower limit keeps all of
it (the line's note).
"""

UNRESERVED_MINIMUM = 100


def refusal(wanted: int, *, limit: int, reserved_elsewhere: int) -> str:
    """The text of the InvalidParameterValueException, or nothing.

    Args:
        wanted: how many are to be reserved for a function.
        limit: the account's limit.
        reserved_elsewhere: how many other functions have.
    """
    minimum = min(UNRESERVED_MINIMUM, limit)
    if not wanted or limit - reserved_elsewhere - wanted >= minimum:
        return ""
    return (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        f"UnreservedConcurrentExecution below its minimum value of [{minimum}]."
    )
