package ledger

import (
	"fmt"
	"time"
	_ "time/tzdata" // images carry no time zones of their own

	"github.com/openplp/khocr/api/v1alpha1"
)

const monthLayout = "2006-01"

// Date is a day of a calendar.
type Date struct {
	// Month as 2006-01.
	Month string
	// Day of the month, from 1.
	Day int32
}

// Today is the date of a moment in the time zone of the plan. It fails for a zone that the IANA database does not have.
func Today(now time.Time, plan *v1alpha1.Plan) (Date, error) {
	zone, err := zoneOf(plan)
	if err != nil {
		return Date{}, err
	}
	now = now.In(zone)
	return Date{Month: now.Format(monthLayout), Day: int32(now.Day())}, nil
}

// Month that a moment lies in, as 2006-01, in the time zone of the plan. It fails for a zone that the IANA database does
// not have.
func Month(now time.Time, plan *v1alpha1.Plan) (string, error) {
	today, err := Today(now, plan)
	return today.Month, err
}

// MonthEnd is the moment when the month that now lies in gives way to the next.
func MonthEnd(now time.Time, plan *v1alpha1.Plan) (time.Time, error) {
	zone, err := zoneOf(plan)
	if err != nil {
		return time.Time{}, err
	}
	year, month, _ := now.In(zone).Date()
	return time.Date(year, month+1, 1, 0, 0, 0, 0, zone), nil
}

func zoneOf(plan *v1alpha1.Plan) (*time.Location, error) {
	name := plan.Spec.TimeZone
	if name == "" {
		name = v1alpha1.DefaultTimeZone
	}
	zone, err := loadZone(name)
	if err != nil {
		return nil, fmt.Errorf("finding the time zone of plan %s: %w", plan.Name, err)
	}
	return zone, nil
}
