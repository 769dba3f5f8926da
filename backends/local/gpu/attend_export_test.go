package gpu

// RandomRows gives the tests on a device the rows that plans are tested with.
var RandomRows = randomRows

// AttendSlots are the slots of the ring that a block of each list has, 0 where the list is not used, and all 0 in the plain
// kernel.
func AttendSlots(g *AttendGeometry, parked bool) (slots [attendLists]int) {
	for l, t := range g.lists {
		if t.rows > 0 && !g.plain {
			slots[l] = g.layout.slots(t.warps, parked)
		}
	}
	return slots
}
