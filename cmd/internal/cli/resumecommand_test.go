package cli

import (
	"testing"

	"imsrevoke/cmd/internal/job"
)

func TestTheNextCommandCanBePastedIntoAShell(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"a run", []string{"run", "pairs.csv", "--yes"}, "bin/imsrevoke run pairs.csv --yes --resume"},
		{"a short flag", []string{"run", "pairs.csv", "-y"}, "bin/imsrevoke run pairs.csv --yes --resume"},
		{"a run that resumed", []string{"run", "--resume", "pairs.csv"}, "bin/imsrevoke run pairs.csv --resume"},
		{"a run that replaced a report", []string{"run", "pairs.csv", "--overwrite"}, "bin/imsrevoke run pairs.csv --resume"},
		{"a name with a blank", []string{"run", "my pairs.csv"}, "bin/imsrevoke run 'my pairs.csv' --resume"},
		{"a name with a quote", []string{"run", "it's.csv"}, `bin/imsrevoke run 'it'\''s.csv' --resume`},
		{"a name that a shell would expand", []string{"run", "$HOME*"}, `bin/imsrevoke run '$HOME*' --resume`},
		{"an empty word", []string{"run", "a.csv", "--region", ""}, "bin/imsrevoke run a.csv --region '' --resume"},
		{"a watcher's address", []string{"run", "a.csv", "--ping", "https://w/1", "--ping=https://w/1", "--yes"}, "bin/imsrevoke run a.csv --yes --resume"},
		{"overwrite in other words", []string{"run", "a.csv", "--overwrite=1", "--yes=t"}, "bin/imsrevoke run a.csv --yes=t --resume"},
		{"overwrite as a value", []string{"run", "a.csv", "--report", "--overwrite"}, "bin/imsrevoke run a.csv --report --overwrite --resume"},
		{"a flag that is switched off", []string{"run", "a.csv", "--strict=false"}, "bin/imsrevoke run a.csv --strict=false --resume"},
		{"a value behind an equals sign", []string{"run", "a.csv", "--rate=180/m"}, "bin/imsrevoke run a.csv --rate 180/m --resume"},
		{"a flag that repeats", []string{"run", "--member", "a", "--member=b", "a.csv"}, "bin/imsrevoke run a.csv --member a --member b --resume"},
		{"a name like a flag", []string{"run", "--yes", "--", "-odd.csv"}, "bin/imsrevoke run ./-odd.csv --yes --resume"},
		{"a ping as a value", []string{"run", "a.csv", "--report", "--ping", "--yes"}, "bin/imsrevoke run a.csv --report --ping --yes --resume"},
		{"standard input of which nothing was sent", []string{"run", "-", "--report", "a.csv"}, "bin/imsrevoke run - --report a.csv --resume"},
		{"a check", []string{"check", "a.csv"}, ""},
		{"no run", []string{"demo"}, ""},
		{"nothing", nil, ""},
	}
	c := &Program{program: "imsrevoke", args: []string{"run", "-", "--report", "a.csv", "--where", "decision=revoke", "--delimiter=;", "--rate", "5/s"}, underway: &job.Underway{}}
	c.underway.Start("a.csv.journal")
	if got, want := c.resumeCommand(), "imsrevoke run a.csv.journal --rate 5/s --resume"; got != want {
		t.Errorf("standard input: got %s; want %s", got, want)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &Program{program: "bin/imsrevoke", args: tt.args, Getenv: func(string) string { return "" }}
			if got := c.resumeCommand(); got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}
