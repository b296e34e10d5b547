package io.plumbline.conformance.symbolic;

import com.microsoft.z3.BitVecExpr;
import com.microsoft.z3.BitVecNum;
import com.microsoft.z3.BitVecSort;
import com.microsoft.z3.BoolExpr;
import com.microsoft.z3.Context;
import com.microsoft.z3.Expr;
import com.microsoft.z3.Model;
import com.microsoft.z3.Params;
import com.microsoft.z3.Status;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds numbers for which conditions hold, or shows that there are none, by Z3. Conditions are put
 * on a stack. Not safe for several threads at once; several solvers are.
 */
public final class Solver implements AutoCloseable {
  private final Context context = new Context();
  private final com.microsoft.z3.Solver solver = context.mkSolver("QF_BV");
  private final Map<Integer, Expr<?>> known = new HashMap<>();
  private final Map<String, Term> variables = new HashMap<>();
  private final Set<Term> asked = new HashSet<>();
  private final Set<Term> bytes = new LinkedHashSet<>();
  private final Deque<List<Term>> levels = new ArrayDeque<>();
  private final Set<Term> opaque = new HashSet<>();
  private final Patience patience;
  private boolean bytesAreFree;
  private long checks;

  /**
   * Makes a solver.
   *
   * @param patience how long it may take
   */
  public Solver(Patience patience) {
    this.patience = patience;
    limit(patience.milliseconds());
  }

  private void limit(int milliseconds) {
    if (milliseconds > 0) {
      Params params = context.mkParams();
      params.add("timeout", milliseconds);
      solver.setParameters(params);
    }
  }

  private Solver(Patience patience, Set<Term> opaque) {
    this(patience);
    this.opaque.addAll(opaque);
    bytesAreFree = true;
  }

  /**
   * Makes a solver that looks into some terms less deeply: what is shown without them holds with
   * them too, but numbers that it finds need not be possible.
   *
   * @param opaque terms that may be any number; so may every byte of the frame, wherever it is
   */
  public Solver abstracting(Set<Term> opaque) {
    return new Solver(patience, opaque);
  }

  /** Returns how many questions were asked. */
  public long checks() {
    return checks;
  }

  public void push() {
    solver.push();
    levels.push(new ArrayList<>());
  }

  public void pop() {
    solver.pop();
    for (Term gone : levels.pop()) {
      asked.remove(gone);
      bytes.remove(gone);
    }
  }

  /** Adds a condition to those on top of the stack. */
  @SuppressWarnings("unchecked")
  public void add(Term condition) {
    solver.add(truth(condition));
    ask(condition);
  }

  /** Notes what the conditions on the stack are made of, as long as they are there. */
  private void ask(Term term) {
    if (asked.add(term)) {
      List<Term> level = levels.peek();
      if (level != null) {
        level.add(term);
      }
      if (opaque.contains(term) || bytesAreFree && term.op() == Term.Op.BYTE) {
        return;
      }
      if (term.op() == Term.Op.BYTE) {
        bytes.add(term);
      } else if (term.op() == Term.Op.VAR) {
        variables.put(term.name(), term);
      }
      for (int i = 0; i < term.arity(); i++) {
        ask(term.part(i));
      }
    }
  }

  /**
   * Returns numbers for which all conditions hold, or empty if there are none.
   *
   * @throws SymbolicException if it cannot be told in time
   */
  @SuppressWarnings("unchecked")
  public Optional<Assignment> check() throws SymbolicException {
    while (true) {
      checks++;
      if (patience.until().isPresent()) {
        limit(patience.next());
      }
      Status status = solver.check();
      if (status == Status.UNSATISFIABLE) {
        return Optional.empty();
      } else if (status == Status.UNKNOWN) {
        throw new SymbolicException("the solver cannot tell: " + solver.getReasonUnknown());
      }
      Model model = solver.getModel();
      Map<Long, Term> at = new HashMap<>();
      List<BoolExpr> broken = contradictions(model, at);
      if (broken.isEmpty()) {
        return Optional.of(new Assignment(new OfModel(model, at)));
      }
      broken.forEach(solver::add);
    }
  }

  /**
   * Each byte is an unknown of its own. Where the model has two at one offset with different
   * contents, says that this cannot be.
   *
   * @param at receives a byte for each offset
   */
  private List<BoolExpr> contradictions(Model model, Map<Long, Term> at) {
    List<BoolExpr> broken = new ArrayList<>();
    for (Term one : bytes) {
      Term offset = one.part(0);
      long where = offset.isConst() ? offset.value() : value(model, bits(offset));
      Term other = at.putIfAbsent(where, one);
      if (other != null && value(model, bits(other)) != value(model, bits(one))) {
        broken.add(
            context.mkImplies(
                context.mkEq(bits(other.part(0)), bits(offset)),
                context.mkEq(bits(other), bits(one))));
      }
    }
    return broken;
  }

  /** Numbers of a model. */
  private final class OfModel implements Assignment.Source {
    private final Model model;
    private final Map<Long, Term> at;

    OfModel(Model model, Map<Long, Term> at) {
      this.model = model;
      this.at = at;
    }

    @Override
    public Set<String> variables() {
      return variables.keySet();
    }

    @Override
    public Set<Long> offsets() {
      return at.keySet();
    }

    @Override
    public long variable(String name) {
      Term variable = variables.get(name);
      return variable == null ? 0 : value(model, bits(variable));
    }

    @Override
    public int frameByte(long offset) {
      Term one = at.get(offset);
      return one == null ? 0 : (int) value(model, bits(one));
    }
  }

  /** Does the same with further conditions, which are not kept. */
  public Optional<Assignment> check(List<Term> further) throws SymbolicException {
    push();
    try {
      further.forEach(this::add);
      return check();
    } finally {
      pop();
    }
  }

  private static long value(Model model, Expr<BitVecSort> expr) {
    return model.eval(expr, true) instanceof BitVecNum number
        ? number.getBigInteger().longValue()
        : 0;
  }

  @SuppressWarnings("unchecked")
  private Expr<BitVecSort> bits(Term term) {
    return (Expr<BitVecSort>) translated(term);
  }

  private BoolExpr truth(Term term) {
    return (BoolExpr) translated(term);
  }

  private Expr<?> translated(Term term) {
    Expr<?> before = known.get(term.id());
    if (before == null) {
      before = translate(term);
      known.put(term.id(), before);
    }
    return before;
  }

  private Expr<?> translate(Term term) {
    if (opaque.contains(term)) {
      int width = Math.max(1, 64 - Long.numberOfLeadingZeros(term.bits()));
      BitVecExpr any = context.mkBVConst("opaque#" + term.id(), width);
      return width == 64 ? any : context.mkZeroExt(64 - width, any);
    }
    return switch (term.op()) {
      case CONST -> context.mkBV(term.value(), 64);
      case TRUTH -> context.mkBool(term.isTrue());
      case VAR -> {
        int width = (int) term.value();
        BitVecExpr variable = context.mkBVConst(term.name(), width);
        yield width == 64 ? variable : context.mkZeroExt(64 - width, variable);
      }
      case BYTE -> context.mkZeroExt(56, context.mkBVConst("byte#" + term.id(), 8));
      case ADD -> context.mkBVAdd(bits(term.part(0)), bits(term.part(1)));
      case SUB -> context.mkBVSub(bits(term.part(0)), bits(term.part(1)));
      case MUL -> context.mkBVMul(bits(term.part(0)), bits(term.part(1)));
      case UDIV -> context.mkBVUDiv(bits(term.part(0)), bits(term.part(1)));
      case UREM -> context.mkBVURem(bits(term.part(0)), bits(term.part(1)));
      case SDIV -> context.mkBVSDiv(bits(term.part(0)), bits(term.part(1)));
      case SREM -> context.mkBVSRem(bits(term.part(0)), bits(term.part(1)));
      case AND -> context.mkBVAND(bits(term.part(0)), bits(term.part(1)));
      case OR -> context.mkBVOR(bits(term.part(0)), bits(term.part(1)));
      case XOR -> context.mkBVXOR(bits(term.part(0)), bits(term.part(1)));
      case SHL -> context.mkBVSHL(bits(term.part(0)), bits(term.part(1)));
      case LSHR -> context.mkBVLSHR(bits(term.part(0)), bits(term.part(1)));
      case ASHR -> context.mkBVASHR(bits(term.part(0)), bits(term.part(1)));
      case CHOICE -> context.mkITE(truth(term.part(0)), bits(term.part(1)), bits(term.part(2)));
      case EQ -> context.mkEq(bits(term.part(0)), bits(term.part(1)));
      case ULT -> context.mkBVULT(bits(term.part(0)), bits(term.part(1)));
      case SLT -> context.mkBVSLT(bits(term.part(0)), bits(term.part(1)));
      case NOT -> context.mkNot(truth(term.part(0)));
      case BOTH -> context.mkAnd(truth(term.part(0)), truth(term.part(1)));
      case EITHER -> context.mkOr(truth(term.part(0)), truth(term.part(1)));
    };
  }

  @Override
  public void close() {
    context.close();
  }
}
