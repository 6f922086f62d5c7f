/** `/project/*`: input and output of each route; what they do is in `projects.ts`. */
import type { AdminContext } from './context.ts';
import {
  newProjectBody,
  PROJECT_REFUSALS,
  PROJECT_UNENFORCED,
  projectListQuery,
  projectQuery,
  projectsBody,
  updateProjectBody,
} from './project-schema.ts';
import { Projects } from './projects.ts';
import { type AdminRoute, route } from './route.ts';
import { warned } from './warning.ts';

const section = 'Projects';

export function projectRoutes(context: AdminContext): readonly AdminRoute[] {
  const projects = new Projects(context);
  return [
    route('POST /project/new', {
      summary: 'Make a project within a team.',
      section,
      body: newProjectBody,
      refusals: PROJECT_REFUSALS,
      handle: async (input) => warned(await projects.create(input.body, input), input.body, PROJECT_UNENFORCED),
    }),
    route('POST /project/update', {
      summary: 'Change a project. Only the fields sent change; an explicit null clears one.',
      section,
      body: updateProjectBody,
      refusals: PROJECT_REFUSALS,
      handle: async (input) => {
        const { project_id, ...fields } = input.body;
        return warned(await projects.update(project_id, fields, input), fields, PROJECT_UNENFORCED);
      },
    }),
    route('DELETE /project/delete', {
      summary: 'Delete projects that have no keys any more.',
      section,
      body: projectsBody,
      handle: (input) => projects.remove(input.body.project_ids, input),
    }),
    route('GET /project/info', {
      summary: 'One project with its budget.',
      section,
      query: projectQuery,
      handle: ({ query, access }) => projects.info(query.project_id, access),
    }),
    route('GET /project/list', {
      summary: 'Every project of the teams that you are in.',
      section,
      query: projectListQuery,
      handle: ({ query, access }) => projects.list(query.team_id, access),
    }),
  ];
}
