output "next" {
  description = "Variables of the next steps: terraform output -json next > ../2-rds/1-eks.auto.tfvars.json"
  value = {
    region            = var.region
    cluster_name      = var.cluster_name
    vpc_id            = module.cluster.vpc_id
    vpc_cidr          = module.cluster.vpc_cidr
    subnet_ids        = module.cluster.subnet_ids
    security_group_id = module.cluster.security_group_id
  }
}
