/** The yardstick: nginx as a plain reverse proxy with one worker, keep-alive on both sides, no buffering, no access log. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ready, start } from '../processes.ts';
import { type Arm, type ArmPlace, ArmUnavailable } from './arm.ts';

function configuration(place: ArmPlace, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${place.folder}/nginx.pid;
error_log ${place.logFile} error;
events { worker_connections 1024; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 20m;
  client_body_buffer_size 256k;
  ${temporary.map((name) => `${name}_temp_path ${place.folder}/${name};`).join('\n  ')}
  upstream mock {
    server 127.0.0.1:${place.mockPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

async function succeeds(command: string[], cwd: string): Promise<boolean> {
  return (await Bun.spawn(command, { cwd, stdio: ['ignore', 'ignore', 'ignore'] }).exited) === 0;
}

/**
 * Debian's package, unpacked into the cache: installing it would start a service on port 80.
 * Returns undefined where there is no apt or no network.
 */
async function unpackedByApt(root: string): Promise<string | undefined> {
  const folder = join(root, 'bench', '.cache', 'nginx');
  const binary = join(folder, 'usr', 'sbin', 'nginx');
  if (existsSync(binary)) return binary;
  if (!Bun.which('apt-get') || !Bun.which('dpkg')) return undefined;
  mkdirSync(folder, { recursive: true });
  const download = ['apt-get', 'download', 'nginx'];
  if (!(await succeeds(download, folder))) {
    const updated = process.getuid?.() === 0 && (await succeeds(['apt-get', 'update'], folder));
    if (!updated || !(await succeeds(download, folder))) return undefined;
  }
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (archive) await succeeds(['dpkg', '-x', archive, '.'], folder);
  return (await succeeds([binary, '-v'], folder)) ? binary : undefined;
}

export async function startNginx(place: ArmPlace): Promise<Arm> {
  const binary = Bun.which('nginx') ?? Bun.which('/usr/sbin/nginx') ?? (await unpackedByApt(place.root));
  if (!binary) throw new ArmUnavailable('no nginx on PATH, and apt could not bring it');
  const port = freePort();
  const file = join(place.folder, 'nginx.conf');
  writeFileSync(file, configuration(place, port));
  const command = [binary, '-p', place.folder, '-e', place.logFile, '-c', file];
  const started = start({ name: 'nginx', core: place.core, command, logFile: place.logFile });
  await ready(started, `http://127.0.0.1:${port}/`);
  return { name: 'nginx', port, headers: { authorization: 'Bearer sk-bench' }, process: started, warmUpMs: 1000 };
}
