import { useEffect, useState } from 'react';
import { copyText } from '../lib/clipboard.ts';
import { toast } from '../lib/toasts.ts';
import { Button } from './button.tsx';

interface CopyButtonProps {
  readonly label: string;
  readonly text: () => string;
  readonly caption?: string;
}

/** Shows for a moment that it worked; where the browser refuses, the text is offered to be copied by hand. */
export function CopyButton({ label, text, caption }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_200);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    if (await copyText(text())) setCopied(true);
    else toast('The browser does not let this page copy. Copy it from here:', text());
  };
  return (
    <Button
      label={copied ? 'Copied' : label}
      icon={copied ? 'exists' : 'copy'}
      kind="quiet"
      small
      onClick={() => void copy()}
    >
      {caption}
    </Button>
  );
}
