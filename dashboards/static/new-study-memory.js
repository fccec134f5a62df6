// What a choice held before another was made: keys pass through every choice on their way, and
// whoever comes back finds what they had typed.

export class Memory {
  constructor() {
    this.kept = new Map();
  }

  // At `pointer`, where `before` was chosen and held `value`; what `next` held, else undefined.
  change(pointer, before, value, next) {
    this.kept.set(placeOf(pointer, before), value);
    return this.kept.get(placeOf(pointer, next));
  }

  // Another text is another study.
  clear() {
    this.kept.clear();
  }
}

function placeOf(pointer, choice) {
  return JSON.stringify([pointer, String(choice)]);
}
