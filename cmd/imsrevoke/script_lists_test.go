//go:build !windows

package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"imsrevoke/batch/imagetest"
)

// startCloudWith starts a cloud for a file whose member lists have these
// properties.
func (s *script) startCloudWith(ts *testscript.TestScript, args []string) {
	c := imagetest.NewCloud()
	c.MemberQuota = 1 << 20
	way := "password"
	for _, arg := range args[1:] {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "case": // matters, as on PostgreSQL
			c.CaseSensitive = true
		case "types":
			c.MemberTypes = true
		case "pages":
			size, err := strconv.Atoi(value)
			ts.Check(err)
			c.Pages.Size = size
		case "marker":
			markers := map[string]imagetest.Marker{
				"base64": imagetest.MarkerBase64, "base64-silent": imagetest.MarkerBase64Silent, "opaque": imagetest.MarkerOpaque, "link": imagetest.MarkerLink,
			}
			marker, ok := markers[value]
			if !ok {
				ts.Fatalf("%q is not a marker", value)
			}
			c.Pages.Marker = marker
		case "page-2":
			kinds := map[string]imagetest.PageFaultKind{
				"repeated": imagetest.RepeatedPage, "looping": imagetest.LoopingPage, "foreign": imagetest.ForeignPage, "truncated": imagetest.TruncatedPage,
			}
			kind, ok := kinds[value]
			if !ok {
				ts.Fatalf("%q is not a fault of a page", value)
			}
			c.Pages.Fault = imagetest.OnPage(2, imagetest.PageFault{Kind: kind})
		case "huawei":
			c.Huawei, c.MemberTypes = true, true
			way = "access-key"
		default:
			if !imageListProperty(ts, c, name, value) {
				ts.Fatalf("%q is not a property of lists", arg)
			}
		}
	}
	s.serve(ts, c, args[0])
	s.login(ts, []string{way})
}

// share shares an image: share IMAGE MEMBER [project|domain|organization] [STATUS].
func (s *script) share(ts *testscript.TestScript, args []string) {
	kind := imagetest.MemberProject
	if len(args) >= 3 {
		kind = imagetest.MemberType(args[2])
	}
	s.running(ts).ShareAs(args[0], args[1], kind)
	if len(args) == 4 {
		s.cloud.SetStatus(args[0], args[1], kind, args[3])
	}
}

// members holds an image to the projects that are its members, but for the one
// that no file names.
func (s *script) members(ts *testscript.TestScript, args []string) {
	got := slices.DeleteFunc(s.running(ts).Members(args[0]), func(id string) bool { return id == bystander })
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(got, want) {
		ts.Fatalf("the members of %s are %q, want %q", args[0], got, want)
	}
}
