output "next" {
  description = "Variables of the next steps; docs/deploy.md says where they go."
  value = {
    region            = var.region
    cluster_name      = var.cluster_name
    vpc_id            = module.cluster.vpc_id
    vpc_cidr          = module.cluster.vpc_cidr
    subnet_ids        = module.cluster.subnet_ids
    security_group_id = module.cluster.security_group_id
  }
}
