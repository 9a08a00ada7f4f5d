/**
 * credit-management/otel: spans of OpenTelemetry for calls, commits, events and messages.
 * @module
 */
export { type OpenTelemetryOptions, openTelemetryTracer } from '../otel/tracer.js';
