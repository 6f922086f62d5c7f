/** A runtime from the text of a configuration, with an environment of its own. */
import { createRuntime, type Runtime } from '../../src/app/runtime.ts';
import { load } from './config-files.ts';

export function runtimeFrom(yaml: string, environment: Readonly<Record<string, string>> = {}): Runtime {
  return createRuntime(load(yaml, environment), {
    lookUp: (name) => environment[name],
    inferProvider: (model) => (model.startsWith('gpt-') ? 'openai' : undefined),
  });
}
