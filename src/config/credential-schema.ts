/** The keys of `credential_list` and of stored credentials. Names are LiteLLM's (its documentation of credentials). */
import { IGNORED_PARAMS } from './known-params.ts';
import { rules } from './section-rules.ts';

export const CREDENTIAL_ENTRY = rules({
  credential_name: 'text',
  credential_values: 'tree',
  credential_info: 'object',
});

/** Also takes provider settings. */
export const CREDENTIAL_VALUES = rules(
  {
    custom_llm_provider: 'text',
    api_key: 'text',
    api_base: 'text',
    base_url: 'text',
    api_version: 'text',
    organization: 'text',
    extra_headers: 'textMap',
  },
  IGNORED_PARAMS,
);
