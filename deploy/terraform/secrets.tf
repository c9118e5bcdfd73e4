# Every secret is made here and lies in the cluster and in Terraform's state (keep that encrypted);
# no values file holds one.

locals {
  generated = toset([
    "admin", "minio-root", "s3-dremio", "s3-airbyte", "s3-backup", "s3-logs",
    "airbyte-client", "airbyte-jwt", "superset-key", "redis",
  ])
  # MinIO's users: a secret of two keys each.
  s3_users = toset(["dremio", "airbyte", "backup", "logs"])
}

resource "kubernetes_namespace_v1" "lakelet" {
  metadata {
    name   = var.namespace
    labels = { "pod-security.kubernetes.io/enforce" = "baseline" }
  }
}

resource "random_password" "generated" {
  for_each = local.generated
  length   = 32
  special  = false
}

resource "kubernetes_secret_v1" "minio_root" {
  metadata {
    name      = "lakelet-minio-root"
    namespace = kubernetes_namespace_v1.lakelet.metadata[0].name
  }
  data = {
    "config.env" = <<-ENV
      export MINIO_ROOT_USER=lakelet-root
      export MINIO_ROOT_PASSWORD=${random_password.generated["minio-root"].result}
      export MINIO_BROWSER=off
    ENV
  }
}

resource "kubernetes_secret_v1" "s3_user" {
  for_each = local.s3_users
  metadata {
    name      = "lakelet-s3-${each.key}"
    namespace = kubernetes_namespace_v1.lakelet.metadata[0].name
  }
  data = {
    CONSOLE_ACCESS_KEY = each.key
    CONSOLE_SECRET_KEY = random_password.generated["s3-${each.key}"].result
  }
}

resource "kubernetes_secret_v1" "airbyte" {
  metadata {
    name      = "lakelet-airbyte"
    namespace = kubernetes_namespace_v1.lakelet.metadata[0].name
  }
  data = {
    AB_INSTANCE_ADMIN_PASSWORD       = random_password.generated["admin"].result
    AB_INSTANCE_ADMIN_CLIENT_ID      = "lakelet"
    AB_INSTANCE_ADMIN_CLIENT_SECRET  = random_password.generated["airbyte-client"].result
    AB_JWT_SIGNATURE_SECRET          = random_password.generated["airbyte-jwt"].result
    "database-password"              = var.postgres_passwords["airbyte"]
    DATABASE_USER                    = "airbyte"
    CONFIG_DATABASE_REPLICA_USER     = "airbyte"
    CONFIG_DATABASE_REPLICA_PASSWORD = var.postgres_passwords["airbyte"]
    "s3-access-key"                  = "airbyte"
    "s3-secret-key"                  = random_password.generated["s3-airbyte"].result
  }
}

resource "kubernetes_secret_v1" "superset" {
  metadata {
    name      = "lakelet-superset"
    namespace = kubernetes_namespace_v1.lakelet.metadata[0].name
  }
  data = {
    SUPERSET_SECRET_KEY = random_password.generated["superset-key"].result
    DB_HOST             = var.postgres_host
    DB_PORT             = "5432"
    DB_USER             = "superset"
    DB_PASS             = var.postgres_passwords["superset"]
    DB_NAME             = "superset"
    REDIS_HOST          = "superset-redis-headless"
    REDIS_PORT          = "6379"
    REDIS_PROTO         = "redis"
    REDIS_DB            = "1"
    REDIS_CELERY_DB     = "0"
    REDIS_PASSWORD      = random_password.generated["redis"].result
  }
}

resource "kubernetes_secret_v1" "grafana" {
  metadata {
    name      = "lakelet-grafana"
    namespace = kubernetes_namespace_v1.lakelet.metadata[0].name
  }
  data = {
    "admin-user"     = "admin"
    "admin-password" = random_password.generated["admin"].result
  }
}
