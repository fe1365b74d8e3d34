// Package redact takes secrets out of texts that come from elsewhere: servers
// show what they were sent, and errors of net/http quote what a server says.
package redact

import "strings"

// Mark stands in the place of a secret.
const Mark = "[redacted]"

// shortest is how much of the beginning of a secret is taken out, too, where the
// rest does not follow: a text may be cut. It is more than secrets of a kind have
// in common, and what is less tells nothing: the first 24 characters of a
// Keystone token are its time and a part of a random number.
const shortest = 24

// Text returns text without the secrets, and without the beginning of one that
// was cut. Empty secrets are none.
func Text(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = without(text, secret)
		}
	}
	return text
}

func without(text, secret string) string {
	begin := secret[:min(len(secret), shortest)]
	at := strings.Index(text, begin)
	if at < 0 {
		return text
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(text, begin) {
		b.WriteString(text[:at])
		b.WriteString(Mark)
		text = text[at+common(text[at:], secret):]
	}
	b.WriteString(text)
	return b.String()
}

// common is how long the beginning is that two texts share.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
