"""Any connector that speaks Airbyte's protocol: a child process that writes JSON lines."""
