import type { ClusterViews } from '../view/cluster-view.ts';
import { type Route, route } from './route.ts';
import { nothing } from './schemas.ts';

export function clusterRoutes(cluster: ClusterViews): Route[] {
  return [
    route({
      method: 'GET',
      path: '/cluster',
      summary: 'Brokers, rates with the last hour, totals, and what needs attention.',
      params: nothing,
      query: nothing,
      handle: () => cluster.overview(),
    }),
  ];
}
