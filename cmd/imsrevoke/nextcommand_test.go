package main

import "testing"

func TestTheNextCommandCanBePastedIntoAShell(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"a run", []string{"run", "pairs.csv", "--yes"}, "bin/imsrevoke run pairs.csv --yes --resume"},
		{"a run that resumed", []string{"run", "--resume", "pairs.csv"}, "bin/imsrevoke run pairs.csv --resume"},
		{"a run that replaced a report", []string{"run", "pairs.csv", "--overwrite"}, "bin/imsrevoke run pairs.csv --resume"},
		{"a name with a blank", []string{"run", "my pairs.csv"}, "bin/imsrevoke run 'my pairs.csv' --resume"},
		{"a name with a quote", []string{"run", "it's.csv"}, `bin/imsrevoke run 'it'\''s.csv' --resume`},
		{"a name that a shell would expand", []string{"run", "$HOME*"}, `bin/imsrevoke run '$HOME*' --resume`},
		{"an empty word", []string{"run", "a.csv", "--region", ""}, "bin/imsrevoke run a.csv --region '' --resume"},
		{"a watcher's address", []string{"run", "a.csv", "--ping", "https://w/1", "--ping=https://w/1", "--yes"}, "bin/imsrevoke run a.csv --yes --resume"},
		{"no run", []string{"demo"}, ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &cli{program: "bin/imsrevoke", args: tt.args}
			if got := c.resumeCommand(); got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}
