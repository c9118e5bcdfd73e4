with orders as (

    select * from {{ ref('stg_orders') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

placed as (

    select
        orders.order_id,
        orders.customer_id,
        customers.cohort,
        orders.ordered_on,
        orders.quantity,
        orders.amount,
        orders.status,
        orders.updated_at,
        greatest(orders.extracted_at, customers.extracted_at) as extracted_at,
        row_number() over (
            partition by orders.customer_id
            order by orders.ordered_on, orders.order_id
        ) as order_number,
        lag(orders.ordered_on) over (
            partition by orders.customer_id
            order by orders.ordered_on, orders.order_id
        ) as previous_ordered_on,
        sum(orders.amount) over (
            partition by orders.customer_id
            order by orders.ordered_on, orders.order_id
            rows between unbounded preceding and current row
        ) as spent_so_far
    from orders
    inner join customers on orders.customer_id = customers.customer_id

)

select
    order_id,
    customer_id,
    cohort,
    ordered_on,
    quantity,
    amount,
    status,
    cast(order_number as integer) as order_number,
    order_number = 1 as is_first_order,
    cast(datediff(ordered_on, previous_ordered_on) as integer) as days_since_previous_order,
    cast(spent_so_far as decimal(14, 2)) as spent_so_far,
    updated_at,
    extracted_at
from placed
