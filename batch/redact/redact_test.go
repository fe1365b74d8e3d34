package redact_test

import (
	"strings"
	"testing"

	"imsrevoke/batch/redact"
)

func TestText(t *testing.T) {
	t.Parallel()
	token := "gAAAAABlYw9q" + strings.Repeat("0123456789abcdef", 10)
	tests := []struct {
		name, text string
		secrets    []string
		want       string
	}{
		{"none", "all is well", []string{token}, "all is well"},
		{"the whole", "you sent " + token + ", which is wrong", []string{token}, "you sent [redacted], which is wrong"},
		{"twice", token + token, []string{token}, "[redacted][redacted]"},
		{"cut at the end", "X-Auth-Token: " + token[:100], []string{token}, "X-Auth-Token: [redacted]"},
		{"cut by the server", "token " + token[:30] + "... is bad", []string{token}, "token [redacted]... is bad"},
		{"too little to tell", "token " + token[:12] + "...", []string{token}, "token " + token[:12] + "..."},
		{"a short one", "password hunter2!", []string{"hunter2"}, "password [redacted]!"},
		{"a part of a short one", "password hunt", []string{"hunter2"}, "password hunt"},
		{"several", "a b", []string{"a", "", "b"}, "[redacted] [redacted]"},
		{"an empty one", "text", []string{""}, "text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := redact.Text(tt.text, tt.secrets...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
