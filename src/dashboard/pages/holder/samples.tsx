import { Box, Code, Tabs, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { CopyButton } from '../parts/copy.tsx'
import { Panel } from '../parts/panel.tsx'
import { samplesOf } from './code.ts'
import type { PictureWish } from './wish.ts'

/** The same call from a terminal or a program, ready to be copied. */
export function Samples({ wish, url }: { readonly wish: PictureWish; readonly url: string }) {
  const { t } = useTranslation()
  const prompt = wish.prompt.trim() === '' ? t('playground.promptExample') : wish.prompt
  const samples = samplesOf({ ...wish, prompt }, url)
  return (
    <Panel title={t('playground.code')}>
      <Text size="sm" c="dimmed" mb="xs">
        {t('playground.codeAbout')} <Code>TOLLGATE_KEY</Code>
      </Text>
      <Tabs defaultValue="curl" keepMounted={false}>
        <Tabs.List aria-label={t('playground.code')}>
          {samples.map(({ name }) => (
            <Tabs.Tab key={name} value={name}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {samples.map(({ name, text }) => (
          <Tabs.Panel key={name} value={name} pt="sm">
            <Box className="sample">
              <Code block tabIndex={0} role="region" aria-label={name}>
                {text}
              </Code>
              <Box mt="xs">
                <CopyButton text={text} what={name} />
              </Box>
            </Box>
          </Tabs.Panel>
        ))}
      </Tabs>
    </Panel>
  )
}
