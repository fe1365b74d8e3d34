package batch

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxMemberIDLength is the longest member id that Glance stores, in
// characters (the column image_members.member is a VARCHAR(255)).
const MaxMemberIDLength = 255

// A Pair names one share: an image, and the member (on OpenStack and Huawei
// Cloud the id of a project) that it is shared with.
//
// A Pair made by [ParsePair] is safe to become part of a request path: neither
// id can end the path early, climb out of it or vanish from it. The zero Pair
// is not.
type Pair struct {
	ImageID  string
	MemberID string
}

// ParsePair trims what surrounds the two ids and reports the pair that they
// name, or an error that says which of them cannot be an id and why.
//
// An image id is a UUID in its dashed form: Glance creates no other. A member
// id is one path segment of ASCII letters, digits, "_" and "-". The rule is
// narrower than what Glance stores, on purpose: with an id such as "..", or
// one that holds "?", "#" or "/", a request for the member turns into a
// request for the image, and deletes it.
func ParsePair(imageID, memberID string) (Pair, error) {
	p := Pair{ImageID: TrimID(imageID), MemberID: TrimID(memberID)}
	if err := p.Validate(); err != nil {
		return Pair{}, err
	}
	return p, nil
}

// Validate reports why p must not become part of a request path, or nil.
func (p Pair) Validate() error {
	if err := ValidateImageID(p.ImageID); err != nil {
		return err
	}
	return ValidateMemberID(p.MemberID)
}

// TrimID removes what surrounds an id in an exported file: white space of any
// kind, the no-break space among it, and the characters that cannot be seen at
// all (zero-width spaces and joiners, byte order marks, direction marks).
func TrimID(id string) string {
	return strings.TrimFunc(id, func(r rune) bool {
		return unicode.IsSpace(r) || invisible(r)
	})
}

// invisible reports whether r takes no place on a screen: the format
// characters, of which spreadsheets and web pages leave some around ids.
func invisible(r rune) bool { return unicode.Is(unicode.Cf, r) }

// ValidateImageID reports why id cannot be an image id, or nil.
func ValidateImageID(id string) error {
	if isUUID(id) {
		return nil
	}
	switch {
	case id == "":
		return fmt.Errorf("the image id is empty")
	case isScientific(id):
		return mangledError("image", id)
	case isHex(id) && len(id) == 32:
		return fmt.Errorf("the image id %q has no dashes: it is not a UUID, perhaps a project id", id)
	}
	if r, at, ok := oddRune(id); ok {
		return fmt.Errorf("the image id %s is not a UUID: it holds %U %q at character %d", quoteID(id), r, r, at)
	}
	return fmt.Errorf("the image id %s is not a UUID (8-4-4-4-12 hexadecimal digits)", quoteID(id))
}

// ValidateMemberID reports why id cannot be a member id, or nil.
func ValidateMemberID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("the member id is empty")
	case isScientific(id):
		return mangledError("member", id)
	}
	if r, at, ok := oddRune(id); ok {
		return fmt.Errorf("the member id %s holds %U %q at character %d; only letters, digits, \"_\" and \"-\" are allowed",
			quoteID(id), r, r, at)
	}
	if len(id) > MaxMemberIDLength {
		return fmt.Errorf("the member id %s has %d characters; at most %d are allowed", quoteID(id), len(id), MaxMemberIDLength)
	}
	return nil
}

// oddRune finds the first rune of id, counted from 1, that is not one of
// [0-9A-Za-z_-]. The dot is not among them, so "." and ".." need no case of their own.
func oddRune(id string) (r rune, at int, found bool) {
	for _, r := range id {
		at++
		if !isIDByte(r) {
			return r, at, true
		}
	}
	return 0, 0, false
}

func isIDByte(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || r == '-'
}

func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		switch i {
		case 8, 13, 18, 23:
			if id[i] != '-' {
				return false
			}
		default:
			if !isHexDigit(id[i]) {
				return false
			}
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isScientific reports whether id looks like what a spreadsheet makes of an id
// that it took for a number: 1.23E+31, with a point or a comma.
func isScientific(id string) bool {
	mantissa, exponent, ok := strings.Cut(id, "+")
	if !ok {
		return false
	}
	mantissa, ok = strings.CutSuffix(strings.ToUpper(mantissa), "E")
	return ok && isDigits(exponent) && isDigits(strings.NewReplacer(".", "", ",", "").Replace(mantissa))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || '9' < s[i] {
			return false
		}
	}
	return s != ""
}

func mangledError(what, id string) error {
	return fmt.Errorf("the %s id %q is a number that a spreadsheet made of an id: export it again with the column as text", what, id)
}

// quoteID quotes an id for a message, cut to a length that a message can hold.
func quoteID(id string) string {
	const most = 64
	if utf8.RuneCountInString(id) > most {
		return fmt.Sprintf("%q…", string([]rune(id)[:most]))
	}
	return fmt.Sprintf("%q", id)
}
