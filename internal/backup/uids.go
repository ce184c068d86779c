package backup

import (
	"regexp"

	"k8s.io/apimachinery/pkg/types"
)

// uids are those that jobs have now, by those that they had.
type uids map[types.UID]types.UID

var uidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// replace puts the UIDs of now into a text. Others stand as they are.
func (u uids) replace(text []byte) []byte {
	return uidPattern.ReplaceAllFunc(text, func(found []byte) []byte {
		if now, ok := u[types.UID(found)]; ok {
			return []byte(now)
		}
		return found
	})
}
