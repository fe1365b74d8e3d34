package batch

import (
	"regexp"
	"strings"
	"testing"
)

const (
	uuid    = "d164b5df-1bc3-4c3f-893e-3e471fd16e64"
	project = "edc89b490d7d4392898e19b2deb34797"
	dashed  = "edc89b49-0d7d-4392-898e-19b2deb34797"
)

func TestIDsThatMakeAPair(t *testing.T) {
	tests := []struct {
		name, image, member string
		want                Pair
	}{
		{"a UUID and a project id", uuid, project, Pair{uuid, project}},
		{"letter case of a name is kept", uuid, "Demo", Pair{uuid, "Demo"}},
		{"upper case", strings.ToUpper(uuid), strings.ToUpper(project), Pair{uuid, project}},
		{"dashes where the other has none", strings.ReplaceAll(uuid, "-", ""), dashed, Pair{uuid, project}},
		{"some of the dashes", "d164b5df1bc3-4c3f893e3e471fd16e64", "edc89b49-0d7d4392898e19b2deb34797", Pair{uuid, project}},
		{"braces", "{" + uuid + "}", "{" + strings.ToUpper(dashed) + "}", Pair{uuid, project}},
		{"braces, with blanks around and within", " { " + uuid + " }", "{" + project + "}\t", Pair{uuid, project}},
		{"a URN", "urn:uuid:" + uuid, "URN:UUID:" + dashed, Pair{uuid, project}},
		{"blanks in the ids", "d164b5df 1bc3 4c3f 893e 3e471fd16e64", "edc89b49\u00a00d7d4392 898e\u200b19b2deb34797", Pair{uuid, project}},
		{"quotes", `"` + uuid + `"`, "'" + project + "'", Pair{uuid, project}},
		{"quotes of a word processor", "“" + uuid + "”", "‘" + dashed + "’", Pair{uuid, project}},
		{"formulas that are text", `="` + uuid + `"`, `="` + project + `"`, Pair{uuid, project}},
		{"the same in a report", `'="` + uuid + `"`, `'="{` + dashed + `}"`, Pair{uuid, project}},
		{"an apostrophe that marks text", "'" + uuid, "'" + project, Pair{uuid, project}},
		{"the URL of the image", "https://glance.example.com:9292/v2/images/" + uuid, project, Pair{uuid, project}},
		{"the URL of the image below a path", "http://cloud.example.com/image/v2/images/" + strings.ToUpper(uuid) + "/", project, Pair{uuid, project}},
		{"the path of the image, as Glance has it in self", "/v2/images/" + uuid, project, Pair{uuid, project}},
		{"a dash out of place makes a name", uuid, "edc89b490-d7d-4392-898e-19b2deb34797", Pair{uuid, "edc89b490-d7d-4392-898e-19b2deb34797"}},
		{"a digit that is missing makes a name", uuid, project[1:], Pair{uuid, project[1:]}},
		{"a project id of decimal digits", uuid, "12345678901234567890123456789012", Pair{uuid, "12345678901234567890123456789012"}},
		{"blanks around the ids are trimmed", " " + uuid + "\t", "\r\n" + project + " ", Pair{uuid, project}},
		{"so are spaces that do not look like spaces", "\u00a0" + uuid + "\u200b", "\ufeff" + project + "\u3000", Pair{uuid, project}},
		{"a member id of one letter", uuid, "x", Pair{uuid, "x"}},
		{"a member id that begins with a dash", uuid, "-_-", Pair{uuid, "-_-"}},
		{"the longest member id", uuid, strings.Repeat("m", 255), Pair{uuid, strings.Repeat("m", 255)}},
		{"digits and an E without a sign", uuid, "123E31", Pair{uuid, "123E31"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParsePair(tt.image, tt.member); err != nil || got != tt.want {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestIDsThatMakeNoPair(t *testing.T) {
	tests := []struct{ name, image, member, want string }{
		{"no image id", "", project, "the image id is empty"},
		{"an image id of blanks", "\u00a0 ", project, "the image id is empty"},
		{"an image name", "ubuntu-22.04", project, `the image id "ubuntu-22.04" is not a UUID: it looks like an image name; find the id with: openstack`},
		{"several image ids", uuid + "," + uuid, project, "holds several ids; write one row for each"},
		{"several member ids", uuid, project + ", " + dashed, "the member cell \"" + project},
		{"a list of member ids", uuid, `["` + project + `","` + project + `"]`, "holds several ids; write one row for each"},
		{"member ids behind blanks", uuid, project + " " + project, "holds several ids; write one row for each"},
		{"a URL that is not an image's", "https://glance.example.com/v2/images/" + uuid + "/file", project, "not a UUID"},
		{"a URL with a query", "https://glance.example.com/v2/images/" + uuid + "?", project, "not a UUID"},
		{"a URL with an escape", "https://glance.example.com/v2/images/%64" + uuid[1:], project, "not a UUID"},
		{"a URL that climbs", "https://glance.example.com/v2/x/../images/" + uuid, project, "not a UUID"},
		{"a URL without a path", "https://images/" + uuid, project, "not a UUID"},
		{"a URL of another thing", "https://glance.example.com/v2/tasks/" + uuid, project, "not a UUID"},
		{"a member as the URL of one", uuid, "/v2/images/" + uuid + "/members/" + project, `U+002F '/'`},
		{"a formula of a name", uuid, `="acme"`, `U+003D '='`},
		{"a formula of a number", `="12345678901234500000000000000000"`, project, "not a UUID"},
		{"a formula of an expression", `="` + uuid + `"&"x"`, project, "not a UUID"},
		{"a UUID with one digit too many", uuid + "0", project, "not a UUID"},
		{"a UUID with a dash out of place", "d164b5df1-bc3-4c3f-893e-3e471fd16e64", project, "not a UUID"},
		{"an image id that would end the path", uuid + "?", project, `U+003F '?' at character 37`},
		{"an image id that would begin a fragment", uuid + "#", project, `U+0023 '#'`},
		{"an image id with an escape", uuid + "%3F", project, `U+0025 '%'`},
		{"an image id mangled by a spreadsheet", "1.23E+31", project, "made by a spreadsheet from an id"},
		{"an image id rounded by a spreadsheet", "12345678901234500000000000000000", project, "made by a spreadsheet from an id"},
		{"an image id with one brace", "{" + uuid, project, `U+007B '{'`},
		{"an image id in two pairs of braces", "{{" + uuid + "}}", project, `U+007B '{'`},
		{"a project id in brackets", uuid, "[" + project + "]", `U+005B '['`},
		{"no member id", uuid, "", "the member id is empty"},
		{"a member id that climbs", uuid, "..", `U+002E '.' at character 1`},
		{"a member id that stays", uuid, ".", `U+002E '.'`},
		{"a member id of two segments", uuid, "a/b", `U+002F '/' at character 2`},
		{"a member id with another image", uuid, "../../" + uuid, `U+002E '.'`},
		{"a member id with a query", uuid, "x?y", `U+003F '?'`},
		{"a member id with a space inside", uuid, "a b", `U+0020 ' '`},
		{"a member id with a zero-width space inside", uuid, "a\u200bb", `U+200B`},
		{"a member id in full-width digits", uuid, "１２", "U+FF11"},
		{"a member id with a NUL", uuid, "a\x00", "U+0000"},
		{"a member id that is no text", uuid, "a\xff", "U+FFFD"},
		{"a member id mangled by a spreadsheet", uuid, "1.23456E+31", "made by a spreadsheet from an id"},
		{"the same with a comma", uuid, "1,23E+31", "made by a spreadsheet from an id"},
		{"a member id that is too long", uuid, strings.Repeat("m", 256), "256 characters; at most 255"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePair(tt.image, tt.member)
			if err == nil || !strings.Contains(err.Error(), tt.want) || got != (Pair{}) {
				t.Errorf("got %v, %v; want an error with %q", got, err, tt.want)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestOneKeyForAllSpellings(t *testing.T) {
	for _, spelling := range []string{project, strings.ToUpper(project), dashed, "{" + dashed + "}", `="` + dashed + `"`, "'" + project, "urn:uuid:" + dashed, " " + project + "\u200b"} {
		if got := MemberKey(spelling); got != project {
			t.Errorf("the key of %q is %q", spelling, got)
		}
	}
	rounded := "12345678901234500000000000000000"
	for id, isProject := range map[string]bool{
		project: true, strings.ToUpper(project): false, dashed: false, "acme-prod": false, project[1:]: false, rounded: false,
		"12345678901234560000000000000000": true, strings.Repeat("0", 31) + "1": true,
	} {
		if got := IsProjectID(id); got != isProject {
			t.Errorf("IsProjectID(%q) = %v", id, got)
		}
	}
	pair := Pair{uuid, project}
	if !pair.SpellsMember(` "`+project+`"`) || pair.SpellsMember(dashed) || pair.SpellsMember(`"`+dashed+`"`) {
		t.Error("quotes count as another spelling, or another spelling does not")
	}
	if MemberKey("Acme-Prod ") != "acme-prod" || MemberKey(rounded) != rounded {
		t.Errorf("the keys of names are %q and %q", MemberKey("Acme-Prod "), MemberKey(rounded))
	}
	for _, spelling := range []string{uuid, strings.ToUpper(uuid), strings.ReplaceAll(uuid, "-", ""), "{" + uuid + "}"} {
		if got := ImageKey(spelling); got != uuid {
			t.Errorf("the key of %q is %q", spelling, got)
		}
	}
}

func FuzzParsePair(f *testing.F) {
	f.Add(uuid, project)
	f.Add(uuid+"?", "..")
	f.Add("\u200b"+uuid, "a/b")
	f.Add("https://glance.example.com/v2/images/"+uuid, `="`+project+`"`)
	safe := regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/[0-9A-Za-z_-]{1,255}$`)
	f.Fuzz(func(t *testing.T, image, member string) {
		p, err := ParsePair(image, member)
		if err != nil {
			if p != (Pair{}) || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Fatalf("%v with %q", p, err)
			}
			return
		}
		if !safe.MatchString(p.ImageID + "/" + p.MemberID) {
			t.Fatalf("%q is not safe in a path", p)
		}
	})
}

// TestTheKeyOfAParsedMember: it is the id in lower case.
func TestTheKeyOfAParsedMember(t *testing.T) {
	t.Parallel()
	for _, cell := range []string{
		"edc89b490d7d4392898e19b2deb34797", "EDC89B49-0D7D-4392-898E-19B2DEB34797", "{edc89b490d7d4392898e19b2deb34797}",
		`="edc89b490d7d4392898e19b2deb34797"`, "ACME-prod", "1234", "12345678901234500000000000000000", "-x",
	} {
		id, err := ParseMemberID(cell)
		if err != nil {
			t.Fatal(err)
		}
		if got := MemberKey(id); got != strings.ToLower(id) || got != MemberKey(cell) {
			t.Errorf("%s: the key of %q is %q, that of the cell %q", cell, id, got, MemberKey(cell))
		}
	}
}
