/** What `shapes.test.ts` plays. */
import { accessGroups } from './access-groups.ts';
import { budgets } from './budgets.ts';
import { customers } from './customers.ts';
import { keys } from './keys.ts';
import { models } from './models.ts';
import { organizations } from './organizations.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';
import { settings } from './settings.ts';
import { spend } from './spend.ts';
import type { Shapes } from './step.ts';
import { tags } from './tags.ts';
import { teams } from './teams.ts';
import { users } from './users.ts';

export const NOUNS: readonly Shapes[] = [
  keys,
  teams,
  users,
  organizations,
  projects,
  customers,
  budgets,
  tags,
  models,
  accessGroups,
  spend,
  requests,
  settings,
];
