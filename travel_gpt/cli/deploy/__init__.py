"""The steps of deploy.sh. Standard library only: it runs before anything is installed.

====================  ============================================================================
``__main__``          the order of the steps, and what is said when one fails
``options``           the command line
``console``           everything that is printed or asked
``commands``          running ``aws``, ``sam`` and ``curl``; what their errors mean
``readiness``         tools, credentials and region: what is missing and how to get it
``parameters``        the template's parameters, old and new
``stack``             the CloudFormation stack: its state, its events, its end
``openai_key``        the key: asking for it, proving it
``secret``            the secret in Secrets Manager, and what is to become of it
``access_logs``       the role that API Gateway needs to write logs
``protection``        what KmsKeyArn and ConfigRules need, and do to the secret
``vpc``               leaving a VPC: what is decided before
``interfaces``        leaving a VPC: the network interfaces, and the second deployment
``rotation``          what the rotation of the key by itself needs
``keyless``           going without a key: what is decided before
``handover``          going without a key: the proof, and the second deployment
``preparation``       looking at all of that and deciding what to do
``plan``              what will happen, shown before it happens
``tls``               what a change of the API's TLS policy means
``release``           build, deploy
``health``            calling the deployed API, and the commands to try
``removal``           ``--delete``
====================  ============================================================================
"""
