"""The option settings of Elastic Beanstalk that this project uses, from its documentation: a name there is no typing error."""

KNOWN = {
    "aws:autoscaling:asg": {"MinSize", "MaxSize"},
    "aws:autoscaling:launchconfiguration": {
        "DisableDefaultEC2SecurityGroup", "DisableIMDSv1", "IamInstanceProfile", "RootVolumeSize", "RootVolumeType",
        "SecurityGroups",
    },
    "aws:ec2:instances": {"InstanceTypes", "SupportedArchitectures"},
    "aws:ec2:vpc": {"AssociatePublicIpAddress", "Subnets", "VPCId"},
    "aws:elasticbeanstalk:cloudwatch:logs": {"DeleteOnTerminate", "RetentionInDays", "StreamLogs"},
    "aws:elasticbeanstalk:command": {"DeploymentPolicy", "Timeout"},
    "aws:elasticbeanstalk:environment": {"EnvironmentType", "LoadBalancerType", "ServiceRole"},
    "aws:elasticbeanstalk:environment:process:default": {
        "DeregistrationDelay", "HealthCheckInterval", "HealthCheckPath", "HealthCheckTimeout", "HealthyThresholdCount",
        "MatcherHTTPCode", "UnhealthyThresholdCount",
    },
    "aws:elasticbeanstalk:healthreporting:system": {"ConfigDocument", "SystemType"},
    "aws:elasticbeanstalk:managedactions": {"ManagedActionsEnabled", "PreferredStartTime", "ServiceRoleForManagedUpdates"},
    "aws:elasticbeanstalk:managedactions:platformupdate": {"UpdateLevel"},
    "aws:elbv2:listener:443": {"Protocol", "SSLCertificateArns", "SSLPolicy"},
    "aws:elbv2:loadbalancer": {"ManagedSecurityGroup", "SecurityGroups"},
}  # fmt: skip
# What the containers read. Its names are the compose file's.
PROPERTIES = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
# For the hooks alone.
HOOKS_ALONE = {"CERTIFICATES_URL"}
