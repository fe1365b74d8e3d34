package batch

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"report", "resume", "rate", "region", "max-rows", "max-failures", "json", "成员id"}
	for written, want := range map[string]string{
		"report": "report", "repot": "report", "reoprt": "report", "repport": "report", "max-row": "max-rows", "maxrows": "max-rows",
		"ratte": "rate", "jsno": "json", "jn": "", "xyz": "", "rat": "rate", "": "", "成员i": "成员id", "eh": "",
	} {
		if got, found := Nearest(written, words); got != want || found != (want != "") {
			t.Errorf("%q: %q, %v; want %q", written, got, found, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"ca", "abc", 3},
		{"kitten", "sitting", 3}, {"abcd", "badc", 2}, {"镜像id", "镜id", 1},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
