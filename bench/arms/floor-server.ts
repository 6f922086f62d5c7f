/** The smallest proxy on Bun: body in, `fetch`, body out. Arguments: own port, port of the mock. */
const [port, mockPort] = process.argv.slice(2);

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const body = request.method === 'POST' ? await request.bytes() : null;
    const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-bench' };
    const answer = await fetch(`http://127.0.0.1:${mockPort}${pathname}`, { method: request.method, headers, body });
    const type = answer.headers.get('content-type') ?? 'application/json';
    return new Response(type.startsWith('text/event-stream') ? answer.body : await answer.bytes(), {
      status: answer.status,
      headers: { 'content-type': type },
    });
  },
});
