/** Links that show someone else the same: relative times become the instants that are on the screen now. */
import { copyText } from './clipboard.ts';
import { serverNow } from './server-clock.ts';
import { absoluteRange, type Instants } from './time-range.ts';
import { toast } from './toasts.ts';
import { printView, type View } from './url-state.ts';

/** The view as it can be sent: a live one stays live, unless it is one event that is meant. */
export function sharedView(view: View, shown: Instants, eventId: string | undefined, nowMs: number): View {
  if (view.live && eventId === undefined) return view;
  const toMs = view.live ? nowMs : shown.toMs;
  return {
    ...view,
    live: false,
    refreshMs: 0,
    range: absoluteRange({ fromMs: shown.fromMs, toMs }),
    event: eventId,
  };
}

export async function copyLink(view: View, shown: Instants, eventId: string | undefined): Promise<void> {
  const shared = sharedView(view, shown, eventId, serverNow());
  const address = new URL(`?${printView(shared)}`, window.location.href);
  address.hash = '';
  const what = shared.live ? 'It follows the same query.' : `Same times${eventId === undefined ? '' : ', same event'}.`;
  if (await copyText(address.href)) toast(`Link copied. ${what}`);
  else toast('Copy the link:', address.href);
}
