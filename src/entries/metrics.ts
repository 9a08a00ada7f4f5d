/**
 * credit-management/metrics: the library's figures in a registry of prom-client.
 * @module
 */
export { type PrometheusOptions, prometheusMetrics, type RegistryLike } from '../metrics/prometheus.js';
