terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.0.0"
    }
  }
}

# The same template as in ../cloudformation: CloudFormation makes the resources, and Terraform the stack.
resource "aws_cloudformation_stack" "storage" {
  name          = "ClickHouseStorage"
  template_body = file("${path.module}/../cloudformation/template.yaml")
}

output "disk_url" {
  value = aws_cloudformation_stack.storage.outputs["DiskUrl"]
}

# The ARN, for the policy of whoever reads the secret. Reading it here would put the key into the state.
output "disk_secret" {
  value = aws_cloudformation_stack.storage.outputs["DiskSecret"]
}

output "backups_secret" {
  value = aws_cloudformation_stack.storage.outputs["BackupsSecret"]
}
