package keyuse

import (
	"maps"
	"slices"
	"time"
)

// Times are the moments at which API keys were last used, by the names of the keys.
type Times map[string]time.Time

// maxKeys bounds what is kept of an organization: all the keys that it can have at once, and many that it had.
const maxKeys = 200

// merge keeps the later time of each key, and forgets the keys that were not used for longest where there are too many.
func merge(a, b Times) Times {
	merged := maps.Clone(a)
	if merged == nil {
		merged = Times{}
	}
	for key, at := range b {
		if at.After(merged[key]) {
			merged[key] = at
		}
	}
	byTime := slices.SortedFunc(maps.Keys(merged), func(x, y string) int { return merged[y].Compare(merged[x]) })
	for _, key := range byTime[min(maxKeys, len(byTime)):] {
		delete(merged, key)
	}
	return merged
}

// since picks the times that are later than those seen.
func since(times, seen Times) Times {
	news := Times{}
	for key, at := range times {
		if at.After(seen[key]) {
			news[key] = at
		}
	}
	return news
}
