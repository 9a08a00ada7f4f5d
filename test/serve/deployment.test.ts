/** The files that start the service elsewhere agree with the service, and with one another. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EXIT } from '../../src/cli/command.js';
import { readVariables } from '../../src/config/read.js';
import { notesOf, type VariableName } from '../../src/config/variables.js';
import { healthRoutes } from '../../src/http/routes/health.js';
import { isOnPath } from '../backends/own-program.js';
import { allowedBy } from '../package/dockerfile.js';
import { manifest } from '../package/source-files.js';
import { compose, composeText, kubernetes, ours, stages, textOf, unit, variablesIn } from './deployment-files.js';

const PORT = Number(notesOf('SERVICE_PORT').usual);
/** Seconds within which the service ends by itself. */
const STOP_SECONDS = 10;
const seconds = (text = '') => Number(/^(\d+)s?$/.exec(text)?.[1]);
const { version, engines } = ours;
const program = `node_modules/credit-management/${manifest().bin['credit-management']?.replace('./', '')}`;
const [alive, ready] = ['getServiceHealth', 'getReadiness'].map((name) => {
  const found = healthRoutes.find((route) => route.name === name);
  expect(found?.who).toBe('anyone');
  return found?.path;
});

describe('Dockerfile', () => {
  const last = stages.at(-1);
  const argsOf = (keyword: string) => last?.instructions.filter((each) => each.keyword === keyword) ?? [];

  test('has two stages on a Node.js that the package supports; the last one installs nothing', () => {
    expect(stages.length).toBe(2);
    for (const { image } of stages) {
      const [, major] = /^node:(\d+)[.\d]*-[a-z]+-slim$/.exec(image) ?? [];
      expect(engines.node).toContain('>=22.');
      expect(Number(major)).toBeGreaterThanOrEqual(22);
      expect(Number(major) % 2, 'a Node.js with long-term support').toBe(0);
    }
    expect(argsOf('RUN')).toEqual([]);
    expect(argsOf('COPY')[0]?.flags.from).toBe(stages[0]?.name);
  });

  test('runs the program as process 1 without rights, and asks for its health without further programs', () => {
    expect(argsOf('USER').map(({ args }) => args)).toEqual([['node']]);
    expect(argsOf('ENTRYPOINT')).toMatchObject([{ isJson: true, args: ['node', program] }]);
    expect(argsOf('CMD')).toMatchObject([{ isJson: true, args: ['serve'] }]);
    expect(argsOf('EXPOSE').map(({ args }) => args)).toEqual([[String(PORT)]]);
    const [health] = argsOf('HEALTHCHECK');
    expect(health).toMatchObject({
      isJson: true,
      args: ['node', '-e', expect.stringContaining(`|| ${PORT}}${alive}`)],
    });
  });

  test('leaves secrets out of the image', () => {
    const allowed = allowedBy(textOf('.dockerignore'));
    expect(allowed.filter((name) => name.includes('env') || name.includes('*'))).toEqual([]);
  });
});

describe('compose.yaml', () => {
  const { services, networks, volumes } = compose();
  const { 'credit-service': service, migrate, ...servers } = services;

  test('takes every secret from .env, and ends where one is not filled in', () => {
    const named = composeText.match(/\$\{?\w+[^}]*\}?/g) ?? [];
    expect(named.length).toBeGreaterThanOrEqual(5);
    for (const each of named) expect(each).toMatch(/^\$\{[A-Z_]+:\?[^}]+\}$/);
    const given = variablesIn(textOf('.env.example'));
    for (const [, name = ''] of composeText.matchAll(/\$\{(\w+)/g)) expect(given).toHaveProperty(name, '');
  });

  test('runs the service without rights, on this machine alone', () => {
    for (const one of [service, migrate]) {
      expect(one).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(one).toMatchObject({ build: '.', env_file: '.env' });
    }
    expect(service.ports).toEqual([`127.0.0.1:${PORT}:${PORT}`]);
    expect(service.environment).toMatchObject({ SERVICE_PORT: String(PORT), SERVICE_HOST: '0.0.0.0' });
    expect(seconds(service.stop_grace_period)).toBeGreaterThan(STOP_SECONDS);
  });

  test('starts the service once the tables are there and all servers answer', () => {
    expect([migrate.command, migrate.restart]).toEqual([['migrate'], 'no']);
    expect(migrate.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    const conditions = Object.keys(servers).map((name) => [name, { condition: 'service_healthy' }]);
    const first = { migrate: { condition: 'service_completed_successfully' } };
    expect(service.depends_on).toEqual({ ...first, ...Object.fromEntries(conditions) });
    for (const { healthcheck } of Object.values(servers)) expect(healthcheck?.test?.[0]).toBe('CMD');
  });

  test('has servers of a stated version, which nobody outside reaches', () => {
    expect(networks.stores).toEqual({ internal: true });
    for (const { image, ports, networks: own } of Object.values(servers)) {
      expect(image).toMatch(/:\d+[.\d]*-\w+$/);
      expect([ports, own]).toEqual([undefined, ['stores']]);
    }
  });

  test('keeps the data of the servers that have some', () => {
    const mounted = Object.values(servers).flatMap(({ volumes: own = [] }) => own.map((each) => each.split(':')));
    expect(mounted.map(([name]) => name).sort()).toEqual(Object.keys(volumes).sort());
    const { command = [] } = servers.nats;
    expect(mounted).toContainEqual(['nats', command[command.indexOf('-sd') + 1]]);
  });
});

describe('kubernetes.yaml', () => {
  const { ConfigMap, Job, Deployment, Service, PodDisruptionBudget } = kubernetes();
  const pod = Deployment.spec.template;
  const [container] = pod.spec.containers;
  const pods = [Job.spec.template.spec, pod.spec];
  const containers = pods.flatMap((spec) => [...(spec.initContainers ?? []), ...spec.containers]);

  test('sends requests and metrics to the ports that the service has', () => {
    const ports = Object.fromEntries(container.ports.map((each: { name: string }) => [each.name, each]));
    const { SERVICE_PORT, PROMETHEUS_PORT } = ConfigMap.data;
    expect([ports.http.containerPort, SERVICE_PORT]).toEqual([PORT, String(PORT)]);
    const annotations = pod.metadata.annotations;
    expect(annotations).toMatchObject({ 'prometheus.io/port': PROMETHEUS_PORT, 'prometheus.io/path': '/metrics' });
    expect(ports.metrics.containerPort).toBe(Number(PROMETHEUS_PORT));
    expect(Service.spec.ports.map((each: { targetPort: string }) => each.targetPort)).toEqual(['http']);
  });

  test('asks for life and readiness where the service tells of them', () => {
    for (const probe of ['startupProbe', 'livenessProbe']) {
      expect(container[probe].httpGet).toEqual({ path: alive, port: 'http' });
    }
    expect(container.readinessProbe.httpGet).toEqual({ path: ready, port: 'http' });
    // Readiness waits for the parts, for a second at most.
    expect(container.readinessProbe.timeoutSeconds).toBeGreaterThan(1);
  });

  test('gives the service the time that it needs to end', () => {
    const [command, wait] = container.lifecycle.preStop.exec.command;
    expect(command).toBe('sleep');
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(wait) + STOP_SECONDS);
    expect(Deployment.spec.replicas).toBeGreaterThanOrEqual(2);
    expect(Deployment.spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
    expect(PodDisruptionBudget.spec.maxUnavailable).toBeLessThan(Deployment.spec.replicas);
  });

  test('finds the pods of the service, and not that of the Job', () => {
    const { labels } = pod.metadata;
    const selectors = [Deployment.spec.selector.matchLabels, Service.spec.selector];
    for (const each of [...selectors, PodDisruptionBudget.spec.selector.matchLabels]) expect(each).toEqual(labels);
    expect(Job.spec.template.metadata.labels).not.toEqual(labels);
  });

  test('runs every container without rights, with limits, and with the same settings', () => {
    for (const spec of pods) {
      expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    }
    const tag = new RegExp(`:${version.replaceAll('.', '\\.')}$`);
    for (const { image, securityContext, resources, envFrom } of containers) {
      expect(image).toMatch(tag);
      expect(securityContext).toEqual({
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      });
      expect(resources).toMatchObject({ requests: { cpu: expect.anything() }, limits: { memory: expect.anything() } });
      expect(envFrom).toEqual([
        { configMapRef: { name: 'credit-service' } },
        { secretRef: { name: 'credit-service' } },
      ]);
    }
  });

  test('makes the tables by a Job of this version, for which new replicas wait', () => {
    expect(Job.metadata.name).toMatch(new RegExp(`-migrate-${version.replaceAll('.', '-')}$`));
    expect(containers.map(({ args }) => args)).toEqual([['migrate'], ['migrate', '--check'], ['serve']]);
  });

  test('has settings that the service takes, and no secret', () => {
    expect(readVariables(ConfigMap.data, 'service').problems).toEqual([]);
    for (const name of Object.keys(ConfigMap.data)) expect(notesOf(name as VariableName).isSecret).toBeUndefined();
  });
});

describe('credit-service.service', () => {
  const { Service = {} } = unit();

  test('runs the program, and lets it end by itself', () => {
    expect(Service.ExecStart).toBe(`/usr/bin/node ${program} serve`);
    expect(seconds(Service.TimeoutStopSec)).toBeGreaterThan(STOP_SECONDS);
    expect([Service.Restart, Service.RestartPreventExitStatus]).toEqual(['on-failure', String(EXIT.usage)]);
    expect(Service).not.toHaveProperty('KillSignal');
  });

  test('has no rights', () => {
    expect(Service).toMatchObject({ DynamicUser: 'yes', NoNewPrivileges: 'yes', ProtectSystem: 'strict' });
    // Node.js compiles at run time.
    expect(Service).not.toHaveProperty('MemoryDenyWriteExecute');
  });

  test('reads the file to which README.md copies the settings', () => {
    expect(textOf('README.md')).toContain(`sudo install -m 600 .env ${Service.EnvironmentFile}\n`);
    expect(textOf('README.md')).toContain(`sudo cp package.json smoke.mjs ${Service.WorkingDirectory}/\n`);
  });

  test.skipIf(!isOnPath('systemd-analyze'))('systemd takes it, and finds little exposed (needs systemd)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'credit-unit-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'credit-service.service');
    writeFileSync(path, textOf('credit-service.service').replace('/usr/bin/node', process.execPath));
    const checked = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    expect([checked.status, checked.stderr]).toEqual([0, '']);
    // In tenths, from 0 to 100.
    const flags = ['security', '--offline=true', '--threshold=20', path];
    const { status, stdout } = spawnSync('systemd-analyze', flags, { encoding: 'utf8' });
    expect(status, stdout).toBe(0);
  });
});

test('README.md asks for paths that the service has', () => {
  const paths = [...textOf('README.md').matchAll(/localhost:8015(\/\S*)/g)].map(([, path]) => path);
  expect(paths.length).toBeGreaterThanOrEqual(4);
  const there = ['/metrics', ...healthRoutes.map(({ path }) => path)];
  expect(paths.filter((path) => !there.includes(path as string))).toEqual([]);
});
