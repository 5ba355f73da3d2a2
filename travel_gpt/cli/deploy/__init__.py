"""``travel-gpt deploy``, which deploy.sh runs: the stack, the secret, and what they need.

======================  ==========================================================================
``__main__``            what deploy.sh starts, before anything is installed: help, wrong options
``main``                the order of the steps, and what is printed when one fails
``options``             the command line
``preflight``           programs, credentials and region: what is missing and how to get it
``plan``                looks at all of the following, decides what will happen and shows it
``parameters``          the template's parameters, old and new
``stack``               the CloudFormation stack: its states, events, deletion, and its TLS policy
``openai_key``          the key: reading and verifying it, and what becomes of it
``secret``              the secret in Secrets Manager, and its version that is AWSPENDING
``access_logs``         whether the API has access logs
``logging_role``        the role that API Gateway needs to write them
``concurrency``         the account's concurrency, compared with the throttle
``protection``          what KmsKeyArn and ConfigRules need, and do to the secret
``rotation``            what the rotation of the key needs
``vpc``                 leaving a VPC: the network interfaces, and the second deployment
``keyless``             going without a key: the verification, the further deployments, the mapping
``release``             build, deploy, call the API
``removal``             ``--delete``
======================  ==========================================================================
"""
