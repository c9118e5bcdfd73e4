# The vendors' charts with the values of ../helm. Storage first, then what reads it.

locals {
  values = "${path.module}/../helm"
  seen   = yamldecode(file("${path.module}/../helm/charts.yaml"))
  charts = { for name, chart in local.seen : name => merge(chart, lookup(var.charts, name, {})) }
  # PostgreSQL under the name that the values files use.
  postgres_service = "postgres"
}

resource "kubernetes_service_v1" "postgres" {
  metadata {
    name      = local.postgres_service
    namespace = kubernetes_namespace_v1.lakelet.metadata[0].name
  }
  spec {
    type          = "ExternalName"
    external_name = var.postgres_host
  }
}

resource "helm_release" "minio_operator" {
  name             = "minio-operator"
  namespace        = "minio-operator"
  create_namespace = true
  repository       = local.charts["minio-operator"].repository
  chart            = local.charts["minio-operator"].chart
  version          = local.charts["minio-operator"].version
}

resource "helm_release" "minio_tenant" {
  name       = "minio"
  namespace  = kubernetes_namespace_v1.lakelet.metadata[0].name
  repository = local.charts["minio-tenant"].repository
  chart      = local.charts["minio-tenant"].chart
  version    = local.charts["minio-tenant"].version
  values     = [file("${local.values}/minio-tenant.yaml")]
  depends_on = [
    helm_release.minio_operator, kubernetes_secret_v1.minio_root, kubernetes_secret_v1.s3_user,
  ]
}

resource "helm_release" "dremio" {
  name       = "dremio"
  namespace  = kubernetes_namespace_v1.lakelet.metadata[0].name
  chart      = local.charts["dremio"].chart # a folder, see charts.yaml
  values     = [file("${local.values}/dremio.yaml")]
  set_sensitive = [
    { name = "distStorage.aws.credentials.accessKey", value = "dremio" },
    {
      name  = "distStorage.aws.credentials.secret"
      value = random_password.generated["s3-dremio"].result
    },
  ]
  depends_on = [helm_release.minio_tenant]
}

resource "helm_release" "airbyte" {
  name       = "airbyte"
  namespace  = kubernetes_namespace_v1.lakelet.metadata[0].name
  repository = local.charts["airbyte"].repository
  chart      = local.charts["airbyte"].chart
  version    = local.charts["airbyte"].version
  values     = [file("${local.values}/airbyte.yaml")]
  depends_on = [
    helm_release.minio_tenant, kubernetes_secret_v1.airbyte, kubernetes_service_v1.postgres,
  ]
}

resource "helm_release" "superset" {
  name       = "superset"
  namespace  = kubernetes_namespace_v1.lakelet.metadata[0].name
  repository = local.charts["superset"].repository
  chart      = local.charts["superset"].chart
  version    = local.charts["superset"].version
  values     = [file("${local.values}/superset.yaml")]
  depends_on = [kubernetes_secret_v1.superset, kubernetes_service_v1.postgres]
}

resource "helm_release" "eck_operator" {
  name             = "eck-operator"
  namespace        = "elastic-system"
  create_namespace = true
  repository       = local.charts["eck-operator"].repository
  chart            = local.charts["eck-operator"].chart
  version          = local.charts["eck-operator"].version
  values           = [file("${local.values}/eck-operator.yaml")]
}

resource "helm_release" "eck_stack" {
  name       = "logs"
  namespace  = kubernetes_namespace_v1.lakelet.metadata[0].name
  repository = local.charts["eck-stack"].repository
  chart      = local.charts["eck-stack"].chart
  version    = local.charts["eck-stack"].version
  values     = [file("${local.values}/eck-stack.yaml")]
  depends_on = [helm_release.eck_operator]
}

resource "helm_release" "kube_prometheus_stack" {
  name       = "monitoring"
  namespace  = kubernetes_namespace_v1.lakelet.metadata[0].name
  repository = local.charts["kube-prometheus-stack"].repository
  chart      = local.charts["kube-prometheus-stack"].chart
  version    = local.charts["kube-prometheus-stack"].version
  values     = [file("${local.values}/kube-prometheus-stack.yaml")]
  depends_on = [kubernetes_secret_v1.grafana]
}
