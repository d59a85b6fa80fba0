import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { HelpDialog } from './frame/help-dialog.tsx';
import { Header } from './frame/header.tsx';
import { Navigation } from './frame/navigation.tsx';
import { listenToKeys } from './logic/keyboard.ts';
import { usePlace } from './logic/router.ts';
import { t } from './logic/texts.ts';
import { GroupDetailPage } from './pages/group-detail.tsx';
import { GroupsPage } from './pages/groups.tsx';
import { MessagesPage } from './pages/messages.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { TopicDetailPage } from './pages/topic-detail.tsx';
import { TopicsPage } from './pages/topics.tsx';
import { Empty, Link } from './ui/basics.tsx';
import { Toasts } from './ui/toast.tsx';

export function App(): JSX.Element {
  const { segments } = usePlace();
  const [help, setHelp] = useState(false);
  useEffect(
    () =>
      listenToKeys(() => {
        setHelp(true);
      }),
    [],
  );
  const page = segments[0] ?? '';
  useEffect(() => {
    document.title = [segments[1], pageTitle(page), 'CometMQ']
      .filter((part) => part !== undefined && part !== '')
      .join(' · ');
  }, [segments.join('/')]);
  return (
    <>
      <a class="skip" href="#content">
        {t('skip')}
      </a>
      <Header
        onHelp={() => {
          setHelp(true);
        }}
      />
      <div class="columns">
        <Navigation page={page} />
        <main id="content" tabIndex={-1}>
          <Page segments={segments} />
        </main>
      </div>
      {help ? (
        <HelpDialog
          onClose={() => {
            setHelp(false);
          }}
        />
      ) : null}
      <Toasts />
    </>
  );
}

function Page({ segments }: { segments: readonly string[] }): JSX.Element {
  const [page, name, tab] = segments;
  if (page === undefined) return <OverviewPage />;
  if (page === 'topics')
    return name === undefined ? <TopicsPage /> : <TopicDetailPage key={name} name={name} tab={tab} />;
  if (page === 'groups')
    return name === undefined ? <GroupsPage /> : <GroupDetailPage key={name} name={name} tab={tab} />;
  if (page === 'messages') return <MessagesPage />;
  return (
    <Empty title={t('notFound')}>
      <Link to="/">{t('backToOverview')}</Link>
    </Empty>
  );
}

function pageTitle(page: string): string {
  if (page === 'topics') return t('topics');
  if (page === 'groups') return t('groups');
  return page === 'messages' ? t('messages') : t('overview');
}
