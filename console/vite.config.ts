/**
 * Builds the console into console/dist: static files under relative addresses, so the front door can serve them at `/`
 * and a reverse proxy below any path. Nothing is inlined, because the content security policy is `'self'` only.
 * `vite console` serves it for development and passes API calls to a running Spillway (SPILLWAY_URL).
 */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const api = process.env.SPILLWAY_URL ?? 'http://127.0.0.1:7514';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'baseline-widely-available',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': api, '/health': api } },
});
